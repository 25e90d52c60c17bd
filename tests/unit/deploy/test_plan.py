"""What a deploy has to do on a host, and the reasons that it gives."""

import pytest

from dgops.deploy.plan import Inputs, Plan, Question, Step, changed, plan
from dgops.health.check import Check, CheckResult, Outcome
from dgops.health.contract import Contract
from dgops.health.look import MARKER, HostHealth

ORDER = ("base", "user", "git_ssh")
DIGESTS = {role: {"a": "1", f"roles/{role}/tasks/main.yml": "2"} for role in ORDER}


def contract(roles=DIGESTS):
    return Contract("pod", (), roles, "fast-test", "c", "t", "me", "/workspace", "/venv")


def health(*failing, marker=Outcome.PASS, observed="contract 1234"):
    results = [CheckResult(MARKER, marker, "contract 1234", observed)]
    for role, kind in failing:
        check = Check(role, "sudo needs no password", kind, "file", {})
        results.append(CheckResult(check, Outcome.FAIL, "mode 0440", "mode 0644"))
    return HostHealth("pod", Outcome.PASS, 0.1, tuple(results))


def reasons(kept=None, seen=None, digests=DIGESTS, impure=(), trouble="", **asked):
    found = plan(Question(ORDER, **asked), kept, seen or health(), Inputs(digests, dict(impure)), trouble)
    return {step.role: step.reasons for step in found.steps}


def test_nothing_to_do():
    found = plan(Question(ORDER), contract(), health(), Inputs(DIGESTS, {}))
    assert (found.runs, found.holds) == ((), ORDER)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"kept": None}, "never deployed from here"),
        ({"kept": None, "trouble": "the contract cannot be read"}, "the contract cannot be read"),
        (
            {"seen": health(marker=Outcome.FAIL, observed="none: the host is fresh, or a deploy did not finish")},
            "the host is fresh, or a deploy did not finish",
        ),
        (
            {"seen": health(marker=Outcome.FAIL, observed="contract 99 by you at noon")},
            "contract 99 by you at noon",
        ),
        ({"full": True}, "--full"),
    ],
)
def test_everything_runs(given, reason):
    assert reasons(**{"kept": contract(), **given}) == dict.fromkeys(ORDER, (reason,))


def test_what_a_checks_name_says_already_is_not_said_twice():
    check = Check("user", ".venv is as its lock says", "state", "venv", {})
    result = CheckResult(check, Outcome.FAIL, "as its lock says", "click changed by hand")
    seen = HostHealth("pod", Outcome.FAIL, 0.1, (*health().results, result))
    said = ("check failed: .venv is as its lock says: click changed by hand",)
    assert reasons(contract(), seen)["user"] == said


def test_one_input_changed():
    now = {**DIGESTS, "git_ssh": {**DIGESTS["git_ssh"], "git_ssh__owner": "3"}}
    assert reasons(contract(), digests=now) == {
        "base": (),
        "user": (),
        "git_ssh": ("input changed: git_ssh__owner",),
    }


def test_a_failing_state_check_is_its_roles_business_a_live_one_nobodys():
    found = reasons(contract(), health(("user", "state"), ("base", "live")))
    assert found == {
        "base": (),
        "user": ("check failed: sudo needs no password: mode 0644, want mode 0440",),
        "git_ssh": (),
    }


def test_what_is_not_pure_always_runs():
    found = reasons(contract(), impure={"user": ("uses fact ansible_default_ipv4",)})
    assert found["user"] == ("not pure: uses fact ansible_default_ipv4",)


def test_a_role_that_the_contract_does_not_know():
    partly = {role: DIGESTS[role] for role in ("base", "git_ssh")}
    assert reasons(contract(partly))["user"] == ("not run under this contract yet",)


def test_asked_for_runs_alone_and_in_order():
    assert reasons(contract(), asked=("git_ssh", "base")) == {"base": ("asked for",), "git_ssh": ("asked for",)}


def test_asked_for_because_it_fails():
    found = reasons(contract(), health(("user", "state")), asked=("user",))
    assert found == {"user": ("check failed: sudo needs no password: mode 0644, want mode 0440",)}


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ({"a": "1"}, {"a": "1"}, ()),
        ({"a": "1"}, {}, ("input changed: a",)),
        ({}, {"a": "1"}, ("input changed: a",)),
        ({}, {"r/x": "1", "a": "1"}, ("input changed: a, r/x",)),
        ({}, dict.fromkeys("edcba", "1"), ("input changed: a, b, c and 2 more",)),
    ],
)
def test_changed_inputs_are_named(before, now, words):
    assert changed(before, now) == words


def test_a_plan_of_nothing():
    assert Plan((Step("a"), Step("b", ("x",)))).runs == ("b",)
