"""Maps: every mistake at once, with file, table and key; paths are relative to their file."""

import subprocess

import pytest

from dgops import settings
from dgops.errors import ConfigError, UsageError
from dgops.sync import maps

GOOD = {"name": "api", "host": "pod", "host_path": "/app/api", "repo": "isengard", "local_path": "api"}


@pytest.fixture
def load(tmp_path):
    for name in ("isengard", "other", "a b"):
        subprocess.run(["git", "init", "-q", tmp_path / name], check=True, timeout=20)
    (tmp_path / "plain").mkdir()

    def call(*tables):
        rows = ["[[sync.map]]\n" + "\n".join(f"{key} = {value!r}" for key, value in one.items()) for one in tables]
        (tmp_path / "dgops.toml").write_text("\n".join(rows))
        return maps.load(settings.load(tmp_path))

    return call


def test_maps_of_one_host_and_repository_are_one(load, tmp_path):
    shared, other = load(
        {**GOOD, "branch": "main"},
        {**GOOD, "name": "web", "host_path": "/app/web", "local_path": "./web/"},
        {**GOOD, "name": "x", "host_path": "/else", "repo": "a b"},
    )
    assert (shared.repo, shared.ref, shared.branch) == (tmp_path / "isengard", "refs/dgops/pod/isengard", "main")
    assert shared.folders == ("api", "web")
    assert other.ref == "refs/dgops/pod/a-b"


def test_no_map_is_a_usage_error_with_an_example(tmp_path):
    with pytest.raises(UsageError) as caught:
        maps.load(settings.load(tmp_path))
    assert "[[sync.map]]" in caught.value.hint


WRONG = [
    ({"host_path": "app/api"}, "host_path: 'app/api' is not an absolute path"),
    ({"host_path": "/app/../etc"}, "host_path: '/app/../etc' is no plain path"),
    ({"host_path": "/app/"}, "no plain path"),
    ({"host_path": "/"}, "no plain path"),
    ({"host_path": "/app/.git"}, "no plain path"),
    ({"host_path": "C:\\app"}, "is a Windows path; here it is /mnt/c/app"),
    ({"local_path": "/api"}, "local_path: '/api' starts elsewhere"),
    ({"local_path": "a/../../b"}, "local_path: 'a/../../b' is no folder of the repository: leads out"),
    ({"local_path": ".git/hooks"}, "a spelling of .git"),
    ({"local_path": "."}, "no folder of the repository"),
    ({"repo": "plain"}, "plain is no git work tree"),
    ({"repo": "nowhere"}, "nowhere is no git work tree"),
    ({"repo": "isengard/.git"}, "no git work tree"),
    ({"repo": "C:repo"}, "lost its backslashes"),
    ({"name": "a/b"}, "name: 'a/b'"),
    ({"name": ""}, "name: '' is no text"),
    ({"nmae": "x"}, "nmae: unknown key"),
    ({"host": 7}, "host: 7 is no text"),
]


@pytest.mark.parametrize(("change", "words"), WRONG)
def test_a_mistake_is_named_with_file_and_key(load, tmp_path, change, words):
    with pytest.raises(ConfigError) as caught:
        load({**GOOD, **change})
    assert f"{tmp_path}/dgops.toml: sync.map 1" in caught.value.message
    assert words in caught.value.message


def test_all_mistakes_come_at_once(load):
    with pytest.raises(ConfigError) as caught:
        load({**GOOD, "host_path": "x", "local_path": "/y", "repo": "plain"}, {**GOOD, "name": "b/c"})
    assert caught.value.message.startswith("4 mistakes")


PAIRS = [
    ({"host_path": "/else", "local_path": "else"}, "name: a second map of pod"),
    ({"name": "b", "host_path": "/app/api/x", "local_path": "else"}, "overlaps /app/api of api"),
    ({"name": "b", "host_path": "/app", "local_path": "else", "repo": "other"}, "overlaps /app/api of api"),
    ({"name": "b", "host_path": "/else", "local_path": "api/x"}, "local_path: api/x overlaps api of api"),
    ({"host": "pod.", "name": "b"}, "pod and pod. are one name to git"),
    ({"name": "b", "host_path": "/else", "local_path": "else", "branch": "dev"}, "branch: dev, and main for the same"),
]


@pytest.mark.parametrize(("change", "words"), PAIRS)
def test_two_maps_that_do_not_go_together(load, change, words):
    with pytest.raises(ConfigError) as caught:
        load({**GOOD, "branch": "main"}, {**GOOD, **change})
    assert words in caught.value.message


def test_maps_that_only_look_alike_are_fine(load):
    assert load(
        GOOD,
        {**GOOD, "name": "b", "host_path": "/app/api2", "local_path": "api2"},
        {**GOOD, "name": "c", "host": "pod2"},
        {**GOOD, "name": "d", "host_path": "/x", "repo": "other"},
    )


def test_a_windows_path_is_translated(load, monkeypatch, tmp_path):
    monkeypatch.setattr(maps, "windows_to_wsl", lambda _path: str(tmp_path / "isengard"))
    (shared,) = load({**GOOD, "repo": "C:\\Users\\sean\\isengard"})
    assert shared.repo == tmp_path / "isengard"


def test_a_path_of_the_repository_on_the_host(tmp_path):
    one = maps.Map("api", "pod", "/app/api", tmp_path, "apps/api")
    other = maps.Map("docs", "pod", "/app/docs", tmp_path, "apps/api-docs")
    assert maps.there("apps/api/src/a.py", [one, other]) == ("/app/api", "src/a.py")
    assert maps.there("apps/api-docs/a.md", [one, other]) == ("/app/docs", "a.md")
