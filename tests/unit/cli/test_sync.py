"""dgops sync: what a person reads, what a program reads, and how it ends."""

import json
import subprocess

import pytest
from click.testing import CliRunner

from dgops import settings
from dgops.cli import sync as command
from dgops.errors import UsageError
from dgops.sync import run
from dgops.sync.host_side import Skipped
from dgops.sync.maps import Map, Shared
from dgops.sync.reconcile import Change
from dgops.sync.result import Refusal, Result

FILES = (Change("M", "apps/api/src/routes/jobs.py"), Change("A", "packages/shared/src/clock.py"))


@pytest.fixture
def project(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path / "isengard"], check=True, timeout=20)
    (tmp_path / "dgops.toml").write_text(
        '[[sync.map]]\nname = "api"\nhost = "pod"\nhost_path = "/app"\nrepo = "isengard"\nlocal_path = "api"\n'
    )
    (tmp_path / "inventories/local").mkdir(parents=True)
    hosts = {"pod": {"ansible_connection": "local"}, "other": {"ansible_connection": "local"}}
    (tmp_path / "inventories/local/hosts.yml").write_text(json.dumps({"all": {"hosts": hosts}}))
    return tmp_path


@pytest.fixture
def sync(project, monkeypatch):
    shared = Shared("pod", project / "isengard", (Map("api", "pod", "/app", project / "isengard", "api"),))

    def call(*arguments, **found):
        result = Result(shared, **{"outcome": "parity", "parity": True, "onto": "main", **found})
        monkeypatch.setattr(run, "sync_all", lambda *_: iter([result]))
        return CliRunner().invoke(command.sync, arguments, obj=settings.load(project))

    return call


def test_edits_that_came_home(sync):
    done = sync(outcome="pulled", commit="9e8d7c6" + "0" * 33, since="a1b2c3d" + "0" * 33, changes=FILES)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "pod → isengard   2 files edited on pod since a1b2c3d",
        "  M apps/api/src/routes/jobs.py    A packages/shared/src/clock.py",
        "committed 9e8d7c6 on main          parity",
    ]


def test_nothing_to_do_is_one_line(sync):
    assert sync(base="a1b2c3d" + "0" * 33).stdout == "pod → isengard   parity at a1b2c3d\n"


def test_long_lists_are_cut(sync):
    done = sync(outcome="pushed", pushed=tuple(Change("A", f"f{number}") for number in range(20)))
    assert "20 files newer at home" in done.stdout
    assert "  and 8 more" in done.stdout
    assert "20 pushed" in done.stdout


def test_a_dry_run_says_would(sync):
    done = sync("--dry-run", outcome="merged", parity=False, changes=FILES, pushed=FILES)
    assert "would be merged on main, would be pushed" in done.stdout
    assert done.exit_code == 0


def test_trouble_goes_to_stderr_with_its_next_step(sync):
    error = Refusal("the same lines changed\n  pod's side is safe", "git merge sync/pod/1")
    done = sync(outcome="conflict", parity=False, error=error, changes=FILES)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "error: the same lines changed\n  pod's side is safe\nhint: git merge sync/pod/1\n"


def test_what_was_refused_is_harmless_to_read(sync):
    done = sync(outcome="pulled", changes=FILES, skipped=(Skipped("a\x1b[2J", "control characters", True),))
    assert done.exit_code == 1
    assert "  refused  a?[2J: control characters" in done.stderr
    assert ".gitignore" in done.stderr


def test_status_is_a_table(sync):
    done = sync("--status", outcome="pulled", parity=False, states={"api": "2 edited on host"})
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "HOST  REPO      MAP  HOST PATH  STATE",
        "pod   isengard  api  /app       2 edited on host",
    ]


def test_json(sync):
    done = sync("--json", outcome="fresh", parity=False)
    assert done.exit_code == 1
    assert json.loads(done.stdout)["repos"]["pod/isengard"]["outcome"] == "fresh"


@pytest.mark.parametrize("arguments", [["--host", "other"], ["--status", "--from", "local"], ["--host", "nobody"]])
def test_usage(sync, arguments):
    done = sync(*arguments)
    assert isinstance(done.exception, UsageError), done.output


def test_a_map_of_a_host_that_is_gone_is_told(sync, project):
    text = (project / "dgops.toml").read_text()
    (project / "dgops.toml").write_text(text + text.replace("pod", "gone").replace("/app", "/x"))
    assert "gone: a [[sync.map]] names it" in sync().stderr


def test_a_name_with_a_line_break_writes_no_line_of_its_own(sync):
    done = sync(skipped=(Skipped("a\nerror: b", "c\u2028d", hostile=True),))
    assert "  refused  a?error: b: c?d" in done.stderr.splitlines()
