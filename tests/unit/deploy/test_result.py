"""The documented JSON of a deploy."""

from dgops.deploy.events import Failure, RoleRun
from dgops.deploy.plan import Plan, Step
from dgops.deploy.result import HostResult, to_json


def test_shape():
    runs = (RoleRun("base", 0.0, 1.0, changed=2), RoleRun("user", 1.0, 2.0))
    plan = Plan((Step("base", ("never deployed from here",)), Step("user", ("asked for",)), Step("git_ssh")))
    good = HostResult("pod", "changed", 12.25, 2, runs, plan=plan)
    bad = HostResult("gadget", "failed", 1.0, failure=Failure("base", "Install", "E: no", "look", "detail"))
    assert to_json({"pod": good, "gadget": bad}) == {
        "ok": False,
        "hosts": {
            "pod": {
                "outcome": "changed",
                "changed": 2,
                "roles_run": ["base", "user"],
                "roles_skipped": ["git_ssh"],
                "plan": [
                    {"role": "base", "reasons": ["never deployed from here"]},
                    {"role": "user", "reasons": ["asked for"]},
                    {"role": "git_ssh", "reasons": []},
                ],
                "seconds": 12.25,
                "first_failure": None,
            },
            "gadget": {
                "outcome": "failed",
                "changed": 0,
                "roles_run": [],
                "roles_skipped": [],
                "plan": [],
                "seconds": 1.0,
                "first_failure": {"role": "base", "task": "Install", "message": "E: no", "hint": "look"},
            },
        },
    }


def test_ok_only_if_every_host_is():
    assert to_json({"a": HostResult("a", "unchanged", 0.0)})["ok"]
    assert not to_json({"a": HostResult("a", "unreachable", 0.0)})["ok"]
