"""A look as JSON: the documented shape, whoever made it."""

import json

import pytest

from dgops.health.check import Check, CheckResult, Outcome
from dgops.health.look import HostHealth
from dgops.health.report_json import to_json

CHECK = Check("git_ssh", "github.com accepts the key", "live", "git_auth", {}, mend="add this key")


def host(outcome):
    return HostHealth("pod", outcome, 0.5, (CheckResult(CHECK, outcome, "accepted", "yes"),))


@pytest.mark.parametrize(("outcome", "mend"), [("pass", ""), ("skip", ""), ("fail", "add this key")])
def test_as_documented(outcome, mend):
    found = to_json([host(Outcome(outcome))])
    assert json.loads(json.dumps(found)) == {
        "ok": outcome == "pass",
        "hosts": {
            "pod": {
                "outcome": outcome,
                "seconds": 0.5,
                "checks": [
                    {
                        "role": "git_ssh",
                        "check": "github.com accepts the key",
                        "kind": "live",
                        "outcome": outcome,
                        "expected": "accepted",
                        "observed": "yes",
                        "mend": mend,
                    }
                ],
            }
        },
    }
