"""Settings: which value wins, what is relative to what, and every mistake at once."""

import pytest

from dgops import settings
from dgops.errors import ConfigError


def test_defaults_outside_of_a_project(tmp_path):
    found = settings.load()
    assert found.state == tmp_path / "home/.local/state/dgops"
    assert found.values["forks"] == settings.Setting(20, "default")
    assert found.mode is None
    assert found.inventories == ()


def test_a_project_keeps_its_own_state_and_is_found_upward(tmp_path):
    (tmp_path / "dgops.toml").write_text("forks = 3\n")
    inner = tmp_path / "a/b"
    inner.mkdir(parents=True)
    found = settings.load(inner)
    assert found.project == tmp_path
    assert found.state == tmp_path / ".dgops"
    assert (found.forks, found.values["forks"].source) == (3, str(tmp_path / "dgops.toml"))


def test_option_beats_environment_beats_project_beats_user(tmp_path, monkeypatch):
    user = tmp_path / "home/.config/dgops/config.toml"
    user.parent.mkdir(parents=True)
    user.write_text('forks = 1\nmode = "fast-test"\nconnect_timeout = 7\n')
    (tmp_path / "dgops.toml").write_text("forks = 2\nconnect_timeout = 8\n")
    monkeypatch.setenv("DGOPS_FORKS", "3")
    found = settings.load(options={"mode": "production"})
    assert found.forks == 3
    assert found.values["forks"].source == "env DGOPS_FORKS"
    assert found.connect_timeout == 8
    assert found.mode == "production"


def test_paths_are_relative_to_their_file(tmp_path):
    (tmp_path / "dgops.toml").write_text('inventory = ["hosts/a", "/b"]\nstate = "x"\n')
    found = settings.load(tmp_path)
    assert [str(path) for path in found.inventories] == [str(tmp_path / "hosts/a"), "/b"]
    assert found.state == tmp_path / "x"


def test_every_mistake_is_named_at_once(tmp_path, monkeypatch):
    (tmp_path / "dgops.toml").write_text('forks = 0\nmode = "prod"\ninventroy = "x"\n')
    monkeypatch.setenv("DGOPS_CONNECT_TIMEOUT", "soon")
    with pytest.raises(ConfigError) as caught:
        settings.load(tmp_path)
    text = caught.value.message
    assert text.startswith("4 mistakes")
    for word in (
        "forks: 0 is not a positive number",
        "'prod' is not a mode",
        "inventroy: unknown key",
        "DGOPS_CONNECT",
    ):
        assert word in text
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["forks = [", "\x00", "forks = true"])
def test_rubbish_is_a_config_error(tmp_path, text):
    (tmp_path / "dgops.toml").write_text(text)
    with pytest.raises(ConfigError):
        settings.load(tmp_path)


MAP = '[[sync.map]]\nname = "api"\nhost = "pod"\nhost_path = "/app"\nrepo = "x"\nlocal_path = "api"\n'


def test_maps_are_kept_with_the_place_that_they_stand_in(tmp_path):
    (tmp_path / "dgops.toml").write_text("forks = 3\n" + MAP + MAP + 'branch = "main"\n')
    found = settings.load(tmp_path)
    assert [one.number for one in found.maps] == [1, 2]
    assert found.maps[1].values["branch"] == "main"
    assert found.maps[0].where == f"{tmp_path}/dgops.toml: sync.map 1 (api)"
    assert settings.with_forks(found, 5).maps == found.maps


def test_mistakes_in_maps_come_with_the_others(tmp_path):
    (tmp_path / "dgops.toml").write_text('forks = 0\n[[sync.map]]\nname = 7\nhots = "pod"\nrepo = "x"\n')
    with pytest.raises(ConfigError) as caught:
        settings.load(tmp_path)
    text = caught.value.message
    for words in ("forks: 0", "name: 7 is no text", "hots: unknown key", "host: is missing", "host_path: is missing"):
        assert words in text


@pytest.mark.parametrize(
    "text", ["sync = 7", "[sync]\nmap = 7", "[sync]\nmap = [7]", "[sync]\nmaps = []", "[sync.map]\nname = 'x'"]
)
def test_a_section_that_is_no_list_of_tables(tmp_path, text):
    (tmp_path / "dgops.toml").write_text(text)
    with pytest.raises(ConfigError, match="holds"):
        settings.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("https://api.runpod.io", True),
        ("https://elsewhere.example/runpod/", True),
        ("http://127.0.0.1:8080", True),
        ("http://localhost", True),
        ("http://api.runpod.io", False),
        ("http://127.0.0.1.example", False),
        ("https://user:word@api.runpod.io", False),
        ("https://api.runpod.io/?a=1", False),
        ("ftp://api.runpod.io", False),
    ],
)
def test_a_key_is_not_sent_in_the_clear(monkeypatch, text, good):
    monkeypatch.setenv("DGOPS_RUNPOD_URL", text)
    if good:
        assert settings.load().runpod_url == text.rstrip("/")
    else:
        with pytest.raises(ConfigError, match="https://"):
            settings.load()


def test_the_sets_of_a_project_are_kept_as_they_stand_and_are_the_projects_alone(tmp_path):
    (tmp_path / "dgops.toml").write_text('[gather.amira]\nsource = "photos"\n')
    assert settings.load(tmp_path).gather == {"amira": {"source": "photos"}}
    user = tmp_path / "home/.config/dgops/config.toml"
    user.parent.mkdir(parents=True)
    user.write_text("[gather.amira]\n")
    with pytest.raises(ConfigError, match=r"config.toml: gather: unknown key"):
        settings.load(tmp_path)
