"""Events of a run: roles in order, the first failure beneath its wrappers, what Ansible counted."""

import pytest

from dgops.deploy.events import HostRun, describe, take


def result(role, task, outcome, **more):
    return {"event": "result", "host": "pod", "role": role, "task": task, "outcome": outcome, **more}


def play(*events):
    runs, over = {}, []
    for now, event in enumerate(events):
        done = take(runs, event, float(now))
        over += [done] if done else []
    return runs["pod"], over


def test_roles_in_order_with_changes_and_times():
    run, over = play(
        result("", "Gathering Facts", "ok"),
        result("contract", "Withdraw the marker", "ok"),
        result("base", "Install", "changed"),
        result("base", "Folder", "changed"),
        result("user", "Make seanf", "ok"),
        {"event": "stats", "hosts": {"pod": {"failures": 0, "unreachable": 0}}},
    )
    assert [(one.role, one.changed) for one in run.roles] == [("base", 2), ("user", 0)]
    assert [one.role for one in over] == ["base"]
    assert (run.roles[0].started, run.roles[0].ended) == (0.0, 3.0)
    assert run.changed == 2
    assert not run.failed


def test_a_role_whose_arguments_were_only_validated_did_not_run():
    run, _ = play(
        result("base", "Validating arguments against arg spec main - Packages.", "ok"),
        result("user", "Validating arguments against arg spec main - seanf.", "ok"),
        result("user", "Make seanf", "ok"),
        result(
            "git_ssh", "Validating arguments against arg spec main - git.", "failed", failure={"msg": "owner is no str"}
        ),
    )
    assert [one.role for one in run.roles] == ["user", "git_ssh"]
    assert run.failure.message == "owner is no str"


def test_the_first_failure_is_the_items_not_the_loops():
    run, _ = play(
        result("base", "Copy", "item_failed", failure={"msg": "OSError: [Errno 28] No space left on device"}),
        result("base", "Copy", "failed", failure={"msg": "One or more items failed"}),
        {"event": "stats", "hosts": {"pod": {"failures": 1, "unreachable": 0}}},
    )
    assert run.failed
    assert run.failure.message == "OSError: [Errno 28] No space left on device"
    assert run.failure.hint.startswith("free some disk space")


def test_a_rescued_failure_is_none():
    run, _ = play(
        result("base", "Try", "failed", failure={"msg": "no"}),
        {"event": "stats", "hosts": {"pod": {"failures": 0, "unreachable": 0, "rescued": 1}}},
    )
    assert not run.failed


def test_an_ignored_failure_is_none():
    run, _ = play(
        result("base", "Try", "ignored", failure={"msg": "no"}),
        {"event": "stats", "hosts": {"pod": {"failures": 0, "unreachable": 0}}},
    )
    assert run.failure is None


def test_lost_on_the_way():
    run, _ = play(
        result("base", "Install", "unreachable", failure={"msg": "Failed to connect to the host via ssh"}),
        {"event": "stats", "hosts": {"pod": {"failures": 0, "unreachable": 1}}},
    )
    assert run.unreachable
    assert run.failed
    assert run.failure.message == "Failed to connect to the host via ssh"


def test_notices_and_rendered_checks():
    run, _ = play(
        result("git_ssh", "Notice: the key", "ok", value={"msg": ["add this:", "ssh-ed25519 A"]}),
        result("contract", "Render the checks", "ok", value={"ansible_facts": {"contract__rendered": {"checks": []}}}),
    )
    assert run.notices == ["add this:", "ssh-ed25519 A"]
    assert run.rendered == {"checks": []}


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        ({"msg": "apt failed", "stderr": "E: Unable to locate package nosuch\n"}, "E: Unable to locate package nosuch"),
        ({"msg": "non-zero return code", "stdout": "a\nbuild.py: error: no lock\n"}, "build.py: error: no lock"),
        ({"msg": "uid 1100 belongs to bob"}, "uid 1100 belongs to bob"),
        ({}, "the task failed without a word"),
    ],
)
def test_the_real_line(failure, message):
    assert describe(result("r", "t", "failed", failure=failure)).message == message


def test_a_run_that_broke_off_counts_its_failure():
    assert not HostRun("pod").failed


def test_a_lost_host_is_told_as_one():
    words = "Task failed: Failed to connect to the host via ssh: Connection timed out\r\nduring banner exchange:"
    for outcome in ("unreachable", "item_failed"):
        found = describe(result("base", "Install", outcome, failure={"msg": words}))
        assert found.message == "Failed to connect to the host via ssh: Connection timed out during banner exchange"
        assert "is the host still up" in found.hint


def test_a_role_that_lost_its_host_does_not_hold():
    runs = {"pod": HostRun("pod")}
    take(runs, result("base", "Install", "unreachable", failure={"msg": "gone"}), 1.0)
    assert runs["pod"].roles[-1].failed
