"""A job from the command line: what goes to stdout, how it ends, and that Ctrl-C only lets go."""

import getpass
import json
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dgops import settings as settings_room
from dgops.cli import following
from dgops.cli.following import attend, run_job, run_once
from dgops.cli.watching import Options, Progress
from dgops.errors import DgopsError, UnreachableError
from dgops.files import digest_bytes
from dgops.health import contract as contracts
from dgops.health.contract import Contract
from dgops.hosts.host import Host
from dgops.jobs import follow as follow_room
from dgops.jobs import pull as pull_room
from dgops.jobs import submit as submit_room
from dgops.jobs.job import Job, Output, Request
from dgops.jobs.place import Place
from dgops.jobs.progress import Moved
from dgops.jobs.pull import Brought, Pulled
from dgops.jobs.ready import Ready

HOST = Host("pod", "fake")
DONE = Job(
    "0123abcd",
    "pod",
    "command",
    "ls",
    "succeeded",
    created="2026-01-01T00:00:00Z",
    started="2026-01-01T00:00:01Z",
    finished="2026-01-01T00:00:03.500Z",
    exit_code=0,
)
FAILED = replace(DONE, status="failed", exit_code=2, first_failure="ls: no\x1b[2J such file")
RUNNING = replace(DONE, status="running", finished=None, exit_code=None)
LOST = replace(DONE, status="lost", exit_code=None, reason="the host restarted")
SHA = digest_bytes(b"x")


@pytest.fixture
def shown(monkeypatch):
    """Run a body as a command; `ends` says how following ends, `brings` what comes home."""

    def run(ends, options=None, brings=None, body=None):
        def follow(link, base, job, watcher, offsets=None):
            watcher.stands(RUNNING)
            watcher.wrote("stdout", "out\n")
            watcher.wrote("stderr", "err\n")
            watcher.happened({"event": "stage", "name": "02_crop"})
            if not isinstance(ends, Job):
                raise ends
            watcher.stands(ends)
            return ends

        def pull(*_):
            if not isinstance(brings, Pulled):
                raise brings
            return brings

        monkeypatch.setattr(follow_room, "follow", follow)
        monkeypatch.setattr(pull_room, "pull", pull)
        outputs = (Output("results", Path("results")),) if brings else ()
        place = Place(HOST, "/base", "0123abcd", outputs)

        def inner():
            click.get_current_context().obj = settings_room.load()
            ended = attend(settings_room.load(), place, Progress(options or Options()))
            click.get_current_context().exit(ended.code)

        return CliRunner().invoke(click.Command("x", callback=body or inner))

    return run


def pulled(*missing):
    found = (Brought(Path("results/a.txt").absolute(), SHA, 1),)
    return Pulled(found, Moved(1, 1, 0, 0.1, 1), (Path("results").absolute(),), missing)


def test_good(shown):
    Path("results").mkdir()
    done = shown(DONE, brings=pulled())
    assert (done.exit_code, done.stdout) == (0, "out\n")
    assert done.stderr.splitlines()[0] == "err"
    last = done.stderr.splitlines()[-1]
    assert last.startswith("0123abcd  pod  succeeded")
    assert "results/  1 file, 1 byte verified" in last
    assert last.endswith("2.5 s")


def test_failed_says_first_what_failed_first(shown):
    done = shown(FAILED)
    assert (done.exit_code, done.stdout) == (1, "out\n")
    error, line, hint = done.stderr.splitlines()[-3:]
    assert error == "error: ls: no?[2J such file"
    assert "failed" in line
    assert "exit 2" in line
    assert hint == "hint: dgops jobs show 0123abcd"


def test_lost_with_its_evidence(shown):
    done = shown(LOST)
    assert done.exit_code == 1
    assert "error: the host restarted" in done.stderr


def test_json_is_one_object_and_the_log_is_elsewhere(shown):
    done = shown(DONE, Options(as_json=True), brings=pulled())
    found = json.loads(done.stdout)
    assert found == {**DONE.listed(), "outputs": [{"path": "results/a.txt", "sha256": SHA, "size": 1}]}
    assert done.stderr.startswith("out\nerr\n")
    assert json.loads(shown(FAILED, Options(as_json=True)).stdout)["outputs"] == []


def test_an_output_that_is_gone(shown):
    done = shown(DONE, brings=pulled("other"))
    assert done.exit_code == 1
    assert "the output other is not there" in done.stderr


@pytest.mark.parametrize("as_json", [False, True])
def test_ctrl_c_lets_go(shown, as_json):
    done = shown(KeyboardInterrupt(), Options(as_json=as_json))
    assert done.exit_code == 0
    assert "detached: the job goes on\nhint: dgops jobs follow 0123abcd\n" in done.stderr
    assert not as_json or json.loads(done.stdout)["status"] == "running"


def test_ctrl_c_while_outputs_come_home(shown):
    done = shown(DONE, brings=KeyboardInterrupt())
    assert done.exit_code == 130
    assert "dgops jobs pull 0123abcd" in done.stderr
    assert "detached" not in done.stderr


def test_a_cut_that_lasts(shown):
    done = shown(UnreachableError("pod: no answer"))
    assert done.exit_code == 3
    assert "pod: no answer; the job goes on there\nhint: dgops jobs follow 0123abcd" in done.stderr
    done = shown(DONE, brings=UnreachableError("pod: no answer"))
    assert done.exit_code == 3
    assert "its outputs wait there\nhint: dgops jobs pull 0123abcd" in done.stderr


def test_outputs_that_cannot_come_home(shown):
    done = shown(DONE, Options(as_json=True), brings=DgopsError("in the way: x"))
    assert done.exit_code == 1
    assert "error: in the way: x\nhint: dgops jobs pull 0123abcd" in done.stderr
    assert json.loads(done.stdout)["status"] == "succeeded"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(30, "Read-only file system", "/ro/x"), "/ro/x: Read-only file system\nhint: look at"),
        (DgopsError("in the way: x", "move it aside, then pull again"), "hint: move it aside, then pull again:  "),
    ],
)
def test_whatever_kept_outputs_away_the_way_to_them_is_told(shown, error, words):
    done = shown(DONE, Options(as_json=True), brings=error)
    assert done.exit_code == 1
    assert words in done.stderr
    assert "dgops jobs pull 0123abcd" in done.stderr
    assert json.loads(done.stdout)["status"] == "succeeded"


def test_lines_of_the_callers_own(shown):
    options = Options(event=lambda event: f"  {event['name']}", more=lambda ended: [f"look: {ended.job.id}"])
    done = shown(DONE, options)
    assert "  02_crop\n" in done.stderr
    assert done.stderr.endswith("look: 0123abcd\n")
    options = Options(as_json=True, as_object=lambda ended: {"ok": ended.code == 0})
    assert json.loads(shown(FAILED, options).stdout) == {"ok": False}


@pytest.fixture
def submitting(shown, monkeypatch):
    settings = settings_room.load()
    contracts.save(Contract("pod", (), {}, "fast-test", "a1", "now", "me", "/workspace", ""), settings.state)

    def run(before=None, after=None, options=None):
        def submit(host, settings, request, watcher):
            watcher.begins(host.name, {"id": "0123abcd", "label": request.label, "correlation": "ffff0000"})
            watcher.uploaded(Moved(36, 81_000_000, 12, 3.1, 24))
            if before:
                raise before
            watcher.submitted(RUNNING)
            if after:
                raise after
            return RUNNING

        monkeypatch.setattr(submit_room, "submit", submit)

        def body():
            ctx = click.get_current_context()
            ctx.obj = settings
            ctx.exit(run_job(ctx, HOST, Request("command", "ls", ("ls",)), options or Options()).code)

        return shown(DONE, body=body)

    return run


def test_from_the_start(submitting):
    done = submitting()
    assert (done.exit_code, done.stdout) == (0, "out\n")
    head, upload = done.stderr.splitlines()[:2]
    assert head.startswith("job 0123abcd  pod  ls ")
    assert head.endswith("correlation ffff0000")
    assert upload.split() == ["upload", "36", "files,", "81", "MB", "(12", "already", "there)", "3.1", "s"]


def test_detach_prints_the_id(submitting):
    done = submitting(options=Options(detach=True))
    assert (done.exit_code, done.stdout) == (0, "0123abcd\n")
    assert "dgops jobs follow 0123abcd" in done.stderr
    done = submitting(options=Options(detach=True, as_json=True))
    assert json.loads(done.stdout) == {**RUNNING.listed(), "outputs": []}


def test_ctrl_c_before_the_host_has_it(submitting):
    done = submitting(before=KeyboardInterrupt())
    assert done.exit_code == 1, "click's word for it; main makes it 130"
    assert "detached" not in done.stderr


def test_ctrl_c_after_the_host_has_it(submitting):
    done = submitting(after=KeyboardInterrupt())
    assert done.exit_code == 0
    assert "dgops jobs follow 0123abcd" in done.stderr


def test_a_queued_job_says_once_what_it_waits_for(shown):
    def body():
        progress = Progress(Options())
        queued = replace(RUNNING, status="queued", reason="waits for a GPU")
        for job in (queued, queued, RUNNING):
            progress.stands(job)

    assert shown(DONE, body=body).stderr.split() == ["queued", "waits", "for", "a", "GPU"]


@pytest.fixture
def once(tmp_path, monkeypatch):
    """Return `once(request, options)`: the command of a person who asks for the same again, on this machine."""
    settings = settings_room.load()
    (tmp_path / "root").mkdir()
    kept = Contract("here", (), {}, "fast-test", "a1", "now", "me", str(tmp_path / "root"), "")
    contracts.save(kept, settings.state)
    monkeypatch.setattr(submit_room, "require_ready", lambda link, _drift=False: Ready(kept, {}))
    host = Host("here", "local", variables={"user__name": getpass.getuser()})

    def run(request, options=None):
        def body():
            ctx = click.get_current_context()
            ctx.obj = settings
            ctx.exit(run_once(ctx, host, request, options or Options()).code)

        return CliRunner().invoke(click.Command("x", callback=body))

    run.jobs = lambda: len(list((tmp_path / "root/dgops/jobs").iterdir()))
    return run


def test_the_same_again_follows_the_job_that_does_it(once, tmp_path, monkeypatch):
    def attend(*known):
        (tmp_path / "gate").touch()
        return real(*known)

    real = following.attend
    monkeypatch.setattr(following, "attend", attend)
    waits = f"echo begun; until [ -e {tmp_path}/gate ]; do sleep 0.05; done; echo over"
    request = Request("command", "w", ("timeout", "60", "sh", "-c", waits), fingerprint="f")
    begun = once(request, Options(detach=True))
    again = once(request, Options(detach=True))
    assert (again.exit_code, again.stdout) == (0, begun.stdout)
    followed = once(request)
    assert (followed.exit_code, followed.stdout) == (0, "begun\nover\n")
    assert once.jobs() == 1
    assert f"job {begun.stdout.strip()}  here  w: is under way already" in again.stderr
    # What is over is asked for anew, and so is other work.
    assert once(request).exit_code == 0
    assert once.jobs() == 2
    assert once(replace(request, fingerprint="g")).exit_code == 0
    assert once.jobs() == 3


def test_without_a_fingerprint_nothing_is_the_same(once):
    request = Request("command", "w", ("true",))
    first, second = (once(request, Options(detach=True)).stdout.strip() for _ in range(2))
    assert first != second
    assert once.jobs() == 2
