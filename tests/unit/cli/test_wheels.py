"""dgops wheels on this machine: what is printed, and the exit codes."""

import json

import pytest
from click.testing import CliRunner
from wheel_house import build, lock

from dgops.cli import wheel_places
from dgops.cli.main import cli
from dgops.errors import UsageError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache with the one wheel of the lock app and one that no lock names; its folder of locks is the tree's."""
    monkeypatch.setenv("DGOPS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(wheel_places, "WINDOWS", tmp_path / "windows")
    monkeypatch.setattr("dgops.deploy.tree.root", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "cache" / "wheel-cache"
    one = build(folder, "one")
    build(folder, "old")
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "app.txt").write_text(lock(one))
    return folder


def run(*argv):
    done = CliRunner().invoke(cli, ["wheels", *argv])
    return done.exit_code, done.stdout


def test_list(cache):
    code, out = run("list")
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert rows == [
        ["NAME", "SIZE", "LOCKS"],
        ["old-1.0-py3-none-any.whl", "0.0", "MB", "-"],
        ["one-1.0-py3-none-any.whl", "0.0", "MB", "app"],
    ]


def test_verify(cache):
    assert run("verify") == (0, "2 wheels (1 by their locks), 0 archives: all whole\n")
    (cache / "one-1.0-py3-none-any.whl").write_bytes(b"altered")
    code, out = run("verify")
    assert code == 1
    assert out.splitlines()[0].startswith("one-1.0-py3-none-any.whl  sha256:")
    assert out.splitlines()[1] == "2 wheels (1 by their locks), 0 archives: 1 damaged"
    code, out = run("verify", "--json")
    found = json.loads(out)
    assert (code, found["ok"], len(found["caches"]["here"]["bad"])) == (1, False, 1)


def test_fetch_with_everything_there(cache):
    code, out = run("fetch", "--lock", "app")
    assert (code, out.split()) == (0, ["app", "1", "wheel", "1", "there"])


def test_fetch_wants_to_know_what(cache):
    done = CliRunner().invoke(cli, ["wheels", "fetch"])
    assert isinstance(done.exception, UsageError)
    assert done.exception.hint == "--lock NAME, one of: app"


def test_pack(cache):
    code, out = run("pack", "--lock", "app")
    assert (code, out.split()[-1]) == (0, "packed")
    assert run("pack", "--lock", "app")[1].endswith("was there\n")
    assert len(list(cache.glob("app-*.tar.zst"))) == 1


def test_prune(cache):
    old, app = cache / "old-1.0-py3-none-any.whl", cache.parents[1] / "locks" / "app.txt"
    wanted = app.read_text()
    app.write_text(lock(old))
    assert run("fetch", "--lock", "app")[0] == 0
    app.write_text(wanted)
    code, out = run("prune", "--dry-run")
    assert (code, out.splitlines()[-1]) == (0, "1 file, 0.0 MB would be removed")
    assert (cache / "old-1.0-py3-none-any.whl").exists()
    code, out = run("prune", "--json")
    assert (code, json.loads(out)["caches"]["here"]["removed"][0]["name"]) == (0, "old-1.0-py3-none-any.whl")
    assert [path.name for path in cache.glob("*.whl")] == ["one-1.0-py3-none-any.whl"]


def test_what_the_agent_refuses_is_an_error_of_one_line(cache):
    (cache / "one-1.0-py3-none-any.whl").unlink()
    done = CliRunner().invoke(cli, ["wheels", "pack", "--lock", "app"])
    assert done.exit_code == 1
    assert f"error: one 1.0 is not in {cache}: dgops wheels fetch gets it" in done.stderr
