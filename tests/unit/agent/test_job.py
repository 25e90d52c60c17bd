"""Submit, list, show, read and cancel: idempotent, exact, and refused in words."""

import json
import os
import pwd
import signal
import threading

import pytest


def order(agent_host, *argv, **more):
    return {"user": agent_host.user, "mode": "fast-test", "spec": agent_host.spec(*argv, **more), "secrets": {}}


def test_the_same_again_is_the_same_job(agent_host):
    asked = order(agent_host, "sh", "-c", "echo once >> $DGOPS_JOB_DIR/work/count")
    first = agent_host.call("submit", **asked)["job"]
    agent_host.wait(first["id"])
    again = agent_host.call("submit", **asked)["job"]
    assert (again["id"], again["status"]) == (first["id"], "succeeded")
    assert (agent_host.directory(first["id"]) / "work/count").read_text() == "once\n"
    other = {**asked, "spec": {**asked["spec"], "argv": ["false"]}}
    assert "another spec" in agent_host.call("submit", **other)["refused"]


def test_many_at_once_start_one(agent_host):
    asked = order(agent_host, "sh", "-c", "echo once >> $DGOPS_JOB_DIR/work/count; sleep 1")
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(agent_host.call("submit", **asked))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    job = asked["spec"]["id"]
    assert {one["job"]["id"] for one in answers} == {job}
    assert agent_host.wait(job)["status"] == "succeeded"
    assert (agent_host.directory(job) / "work/count").read_text() == "once\n"


def test_a_submit_that_broke_off_is_begun_again(agent_host):
    asked = order(agent_host, "true")
    left = agent_host.base / "jobs" / f".{asked['spec']['id']}.new"
    left.mkdir(parents=True)
    (left / "spec.json").write_text("{")
    agent_host.call("submit", **asked)
    assert agent_host.wait(asked["spec"]["id"])["status"] == "succeeded"
    assert not left.exists()


def test_what_the_host_lacks_is_refused(agent_host):
    asked = order(agent_host, "true")
    assert "no user" in agent_host.call("submit", **{**asked, "user": "nobody-of-that-name"})["refused"]
    agent_host.base = agent_host.folder / "unmounted/dgops"
    assert "does not exist" in agent_host.call("submit", **asked)["refused"]
    agent_host.base = agent_host.folder / "link"
    agent_host.base.symlink_to("/etc")
    assert "no folder" in agent_host.call("submit", **asked)["refused"]


def test_no_job_of_that_name(agent_host):
    assert agent_host.call("list") == {"jobs": []}
    for job in ("00000000", "../../etc", ""):
        assert "there is no job" in agent_host.call("show", id=job)["refused"]


def test_list_is_newest_first(agent_host):
    jobs = [agent_host.submit("true") for _ in range(3)]
    assert [one["id"] for one in agent_host.call("list")["jobs"]] == jobs[::-1]
    for job in jobs:
        agent_host.wait(job)
    shown = agent_host.call("show", id=jobs[0])
    assert shown["spec"]["argv"] == ["true"]
    assert shown["job"]["finished"] >= shown["job"]["started"]


def test_jobs_run_as_their_user(agent_host, tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    nobody = pwd.getpwnam("nobody")
    agent_host.user = "nobody"
    for folder in [agent_host.folder, *agent_host.folder.parents][:-2]:
        folder.chmod(0o755)
    job = agent_host.submit("id", "-un")
    assert agent_host.wait(job)["status"] == "succeeded"
    assert agent_host.log(job) == "nobody\n"
    for path in [agent_host.base, *agent_host.base.rglob("*")]:
        assert path.lstat().st_uid == nobody.pw_uid, path
    agent_host.user = "root"
    refused = agent_host.call("submit", **order(agent_host, "true"))["refused"]
    assert "belongs to another user" in refused


def test_a_restarted_host_has_lost_its_jobs(agent_host):
    job = agent_host.submit("sh", "-c", "echo up; sleep 300")
    agent_host.wait_for_output(job, "up")
    path = agent_host.directory(job) / "status.json"
    record = json.loads(path.read_text())
    for change, reason in [
        ({"init": "1"}, "the host restarted"),
        ({"boot": "another"}, "the host restarted"),
        ({"start": record["supervisor"]["start"] + 1}, "the agent's process is gone"),
        ({"pid": 1}, "the agent's process is gone"),
    ]:
        path.write_text(json.dumps({**record, "supervisor": {**record["supervisor"], **change}}))
        seen = agent_host.show(job)
        assert (seen["status"], seen["reason"]) == ("lost", reason)
    path.write_text(json.dumps(record))
    assert agent_host.show(job)["status"] == "running"


def test_a_bad_spec_is_refused_before_anything_is_made(agent_host):
    answer = agent_host.call("submit", **order(agent_host, "true", id="../../x", gpus={"count": 0}))
    assert answer["refused"].endswith("id must be eight hexadecimal digits; gpus must hold a count or distinct ids")
    assert not agent_host.base.exists()


def lose(agent_host, job):
    """Kill a job's supervisor, as a lost host does to it and to all else."""
    record = json.loads((agent_host.directory(job) / "status.json").read_text())
    os.kill(record["supervisor"]["pid"], signal.SIGKILL)
    agent_host.wait(job, "lost")


def resumed(agent_host, job, **secrets):
    spec = json.loads((agent_host.directory(job) / "spec.json").read_text())
    return agent_host.call("resume", user=agent_host.user, mode="fast-test", spec=spec, secrets=secrets)


def test_a_lost_job_goes_on_where_it_was(agent_host):
    again = ["sh", "-c", 'echo again >>state; cat state; echo "$DGOPS_ATTEMPT $T"']
    job = agent_host.submit(
        "sh", "-c", "echo begun >state; echo up; sleep 300", resume=again, secrets=["T"], handed={"T": "not-seen-1"}
    )
    agent_host.wait_for_output(job, "up")
    lose(agent_host, job)
    with (agent_host.directory(job) / "events.jsonl").open("a") as stream:
        stream.write('{"ts": "cut o')
    assert resumed(agent_host, job, T="not-seen-2")["job"]["id"] == job
    seen = agent_host.wait(job)
    assert (seen["status"], seen["attempt"]) == ("succeeded", 2)
    assert seen["failures"][0]["first_failure"] == "lost: the agent's process is gone"
    assert agent_host.log(job).splitlines()[:4] == ["up", "begun", "again", "2 ***REDACTED***"]
    events = [json.loads(line) for line in agent_host.log(job, "events.jsonl").splitlines()]
    assert [one["seq"] for one in events] == list(range(1, len(events) + 1))
    assert [one["event"] for one in events].count("finished") == 1
    assert "resumed" in [one["event"] for one in events]


def test_only_a_lost_job_goes_on(agent_host):
    job = agent_host.submit("sh", "-c", "echo up; sleep 300")
    agent_host.wait_for_output(job, "up")
    assert resumed(agent_host, job)["job"]["status"] == "running"
    agent_host.call("cancel", id=job, grace=0)
    agent_host.wait(job, "cancelled")
    assert "is over: cancelled" in resumed(agent_host, job)["refused"]
    other = {**json.loads((agent_host.directory(job) / "spec.json").read_text()), "argv": ["true"]}
    answer = agent_host.call("resume", user=agent_host.user, mode="fast-test", spec=other, secrets={})
    assert "no job" in answer["refused"]


def test_of_many_resumes_at_once_one_counts_and_a_cancel_is_taken_back(agent_host):
    job = agent_host.submit("sh", "-c", "echo up; sleep 300", resume=["sh", "-c", "echo once >>count; sleep 1"])
    agent_host.wait_for_output(job, "up")
    lose(agent_host, job)
    agent_host.call("cancel", id=job)
    (agent_host.directory(job) / "cancel").write_text("{}")
    threads = [threading.Thread(target=resumed, args=(agent_host, job)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert agent_host.wait(job)["status"] == "succeeded"
    assert (agent_host.directory(job) / "work/count").read_text() == "once\n"
