"""dgops jobs: the table, the JSON, and what is said of hosts that cannot be asked."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from dgops import settings as settings_room
from dgops.cli.main import cli
from dgops.errors import UsageError
from dgops.health import contract as contracts
from dgops.health.contract import Contract

VIEW = {
    "id": "0123abcd",
    "kind": "command",
    "label": "ls\n/nope",
    "status": "failed",
    "created": "2026-01-01T00:00:00Z",
    "started": "2026-01-01T00:00:01Z",
    "finished": "2026-01-01T00:00:02Z",
    "exit_code": 2,
    "first_failure": "ls: \x1b[2Jno",
    "reason": None,
    "outputs": ["../up"],
    "gpus": [0],
    "correlation": "ffff0000",
}
NEWER = {**VIEW, "id": "ffffaaaa", "status": "running", "created": "2026-01-02T00:00:00Z", "finished": None}


@pytest.fixture
def inventory():
    """Write an inventory of scripted hosts, each deployed from here unless it is called new."""

    def write(**answers):
        hosts = {
            name: {"ansible_connection": "fake", "dgops_fake_answers": [{"argv": ["sh"], **answer}]}
            for name, answer in answers.items()
        }
        Path("dgops.toml").touch()
        path = Path("inventories/local/hosts.yml")
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"all": {"hosts": hosts}}))
        state = settings_room.load().state
        for name in answers:
            if name != "new":
                contracts.save(Contract(name, (), {}, "fast-test", "a1", "now", "me", "/workspace", ""), state)

    return write


def answering(value):
    return {"stdout": json.dumps(value)}


def run(*words):
    return CliRunner().invoke(cli, ["jobs", *words])


def test_list(inventory):
    inventory(pod=answering({"jobs": [VIEW, NEWER]}), new=answering({"jobs": [NEWER]}))
    done = run("list")
    head, newer, failed, why = done.stdout.splitlines()
    assert (done.exit_code, done.stderr) == (0, "")
    assert head.split() == ["JOB", "HOST", "STATUS", "STARTED", "TOOK", "WHAT"]
    assert newer.split()[:3] == ["ffffaaaa", "pod", "running"]
    assert failed.split()[:3] == ["0123abcd", "pod", "failed"]
    assert "1.0 s" in failed
    assert "ls /nope" in failed
    assert why.strip() == "ls: ?[2Jno"


def test_list_says_why_a_job_waits_stalls_or_is_lost(inventory):
    rows = [
        {**VIEW, "id": f"0000000{number}", "status": status, "reason": reason, "first_failure": None}
        for number, (status, reason) in enumerate(
            [
                ("queued", "waits for a GPU, 2 jobs before it"),
                ("running", "stalled: nothing was written for 400 s, a step takes 4.0 s"),
                ("lost", "the host restarted"),
                ("running", None),
                ("cancelled", "cancelled; SIGINT was sent"),
            ]
        )
    ]
    inventory(pod=answering({"jobs": rows}))
    lines = run("list").stdout.splitlines()
    assert [line.strip() for line in lines if line.startswith("    ")] == [row["reason"] for row in rows[:3]]


def test_show_of_a_lost_job_gives_the_evidence(inventory):
    lost = {**VIEW, "status": "lost", "reason": "the host restarted", "beat": "2026-01-01T00:00:59Z"}
    inventory(pod=answering({"jobs": [lost], "job": lost, "spec": {}}))
    shown = run("show", "0123").stdout
    assert "reason       the host restarted" in shown
    assert "last beat    2026-01-01T00:00:59Z" in shown


def test_show_numbers_attempts(inventory):
    failures = [{"attempt": 1, "exit_code": 3, "first_failure": "CUDA out of memory"}, "rubbish"]
    tried = {**VIEW, "attempt": 2, "attempts": 3, "failures": failures}
    inventory(pod=answering({"jobs": [tried], "job": tried, "spec": {"priority": 5}}))
    shown = run("show", "0123").stdout
    assert "attempt      2 of 3" in shown
    assert "attempt      1 failed: CUDA out of memory, exit 3" in shown
    assert "priority     5" in shown
    found = json.loads(run("show", "0123", "--json").stdout)
    assert (found["attempt"], found["attempts"], found["failures"]) == (2, 3, failures[:1])


def test_list_json_is_exactly_as_documented(inventory):
    inventory(pod=answering({"jobs": [VIEW]}))
    (row,) = json.loads(run("list", "--json").stdout)
    keys = ("id", "kind", "status", "created", "started", "finished", "exit_code", "first_failure")
    assert row == {"host": "pod", **{key: VIEW[key] for key in keys}}


def test_an_unreachable_host_hides_nobody(inventory):
    inventory(gone={"unreachable": "no route"}, pod=answering({"jobs": [VIEW]}))
    for words in (["list"], ["list", "--json"]):
        done = run(*words)
        assert done.exit_code == 3
        assert "0123abcd" in done.stdout
        assert "error: gone: no route" in done.stderr


def test_no_jobs(inventory):
    inventory(pod=answering({"jobs": []}))
    done = run("list")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "no jobs yet\nhint: dgops run" in done.stderr
    assert run("list", "--json").stdout == "[]\n"


def test_show(inventory):
    spec = {"inputs": [{"path": "photos"}, 7], "env": {"A": "b"}, "secrets": ["HF_TOKEN"]}
    inventory(pod=answering({"jobs": [VIEW], "job": VIEW, "spec": spec}))
    done = run("show", "0123")
    assert done.exit_code == 0, done.output
    assert "failed with  ls: ?[2Jno" in done.stdout
    assert "environment  A, HF_TOKEN (secret)" in done.stdout
    assert "pod:/workspace/dgops/jobs/0123abcd" in done.stdout
    found = json.loads(run("show", "0123", "--json").stdout)
    assert found["folder"] == "/workspace/dgops/jobs/0123abcd"
    assert found["correlation"] == "ffff0000"


def test_cancel(inventory):
    inventory(pod=answering({"jobs": [VIEW], "job": VIEW}))
    done = run("cancel", "0123abcd")
    assert (done.exit_code, done.stdout.split()[:3]) == (0, ["0123abcd", "pod", "failed"])
    assert json.loads(run("cancel", "0123", "--json").stdout)["status"] == "failed"


def test_pull_takes_no_outputs_that_lead_elsewhere(inventory):
    inventory(pod=answering({"jobs": [VIEW], "job": VIEW}))
    done = run("pull", "0123")
    assert "says that 0123abcd has the output '../up'" in done.exception.message


def test_unknown_ids(inventory):
    inventory(pod=answering({"jobs": []}))
    for text, words in (("ffff", "no job begins with ffff"), ("x!", "is no job id")):
        done = run("show", text)
        assert isinstance(done.exception, UsageError)
        assert words in done.exception.message


def test_show_error_prints_the_line_and_nothing_else(inventory):
    inventory(pod=answering({"jobs": [VIEW], "job": VIEW, "spec": {}}))
    done = run("show", "0123", "--show-error")
    assert (done.exit_code, done.stdout) == (0, "ls: ?[2Jno\n")
    assert json.loads(run("show", "0123", "--show-error", "--json").stdout)["first_error"] == VIEW["first_failure"]


def test_show_error_of_a_job_without_one(inventory):
    good = {**VIEW, "status": "succeeded", "first_failure": None}
    inventory(pod=answering({"jobs": [good], "job": good, "spec": {}}))
    done = run("show", "0123", "--show-error")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "0123abcd succeeded: no error\n")


def test_bundle(inventory):
    answer = {"jobs": [VIEW], "job": VIEW, "spec": {}, "files": [], "left_out": [], "machine": {}}
    inventory(pod=answering(answer))
    done = run("bundle", "0123")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("0123abcd  pod  dgops-job-0123abcd.zip  3 files, ")
    assert Path("dgops-job-0123abcd.zip").exists()
    assert json.loads(run("bundle", "0123", "--json").stdout)["files"] == [
        "README.md",
        "metadata.json",
        "environment.json",
    ]
