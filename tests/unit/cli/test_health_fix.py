"""Which roles run on which hosts when health mends."""

from dgops.cli.health_fix import needed
from dgops.health.check import Check, CheckResult, Outcome
from dgops.health.look import MARKER, HostHealth


def host(name, *failing, marker=Outcome.PASS):
    results = [CheckResult(MARKER, marker, "", "")]
    for role, kind in failing:
        results.append(CheckResult(Check(role, "x", kind, "file", {}), Outcome.FAIL, "", ""))
    return HostHealth(name, Outcome.FAIL, 0.1, tuple(results))


def test_only_failing_roles_and_hosts_with_the_same_together():
    found = [
        host("good"),
        host("live", ("base", "live")),
        host("a", ("user", "state"), ("user", "state"), ("git_ssh", "state")),
        host("b", ("user", "state"), ("git_ssh", "state")),
        host("c", ("base", "state")),
    ]
    assert needed(found) == {("user", "git_ssh"): ["a", "b"], ("base",): ["c"]}


def test_a_host_that_nobody_can_vouch_for_is_deployed_whole():
    assert needed([host("fresh", ("user", "state"), marker=Outcome.FAIL)]) == {(): ["fresh"]}
