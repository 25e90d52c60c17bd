"""What a plan writes, and hosts left alone that a guard speaks for."""

from types import SimpleNamespace

import pytest

from dgops.deploy.guarding import refuse_losses, written
from dgops.deploy.look import Looked
from dgops.deploy.plan import Plan, Step
from dgops.errors import DgopsError, LossError
from dgops.health.check import Check


def check(role, kind, **wanted):
    return Check(role, f"{role} {kind}", "state", kind, wanted)


KEPT = SimpleNamespace(
    roles={"user": {}, "app": {}},
    checks=(
        check("user", "file", path="/etc/sudoers.d/seanf"),
        check("user", "user", user="seanf"),
        check("app", "directory", path="/app"),
        check("app", "file", path="/app/api/.env"),
        check("app", "venv", path="/app/.venv", lock="runtime"),
    ),
)


def looked(*runs, kept=KEPT, name="pod", **more):
    transport = more.pop("transport", SimpleNamespace())
    plan = Plan(tuple(Step(role, ("asked for",)) for role in runs))
    return Looked(SimpleNamespace(name=name), 0.0, transport, kept, plan=plan, **more)


@pytest.mark.parametrize(
    ("runs", "kept", "paths"),
    [
        (("user",), KEPT, ("/etc/sudoers.d/seanf",)),
        (("app",), KEPT, ("/app/api/.env", "/app/.venv")),
        (("user", "app"), KEPT, ("/etc/sudoers.d/seanf", "/app/api/.env", "/app/.venv")),
        (("new",), KEPT, None),
        (("user",), None, None),
    ],
)
def test_what_is_written_is_what_the_contract_checks(runs, kept, paths):
    assert written(looked(*runs, kept=kept)) == paths


def test_one_refused_host_stops_no_other():
    asked = []

    def guard(host, transport, paths):
        asked.append((host.name, paths))
        if host.name == "one":
            raise LossError("edits", "sync")

    found = refuse_losses([looked("app", name="one"), looked("user", name="two")], guard)
    assert [one.error and one.error.message for one in found] == ["edits", None]
    assert [name for name, _ in asked] == ["one", "two"]


def test_a_host_in_trouble_is_not_asked():
    trouble = DgopsError("away")
    (found,) = refuse_losses([looked("app", error=trouble)], pytest.fail)
    assert found.error is trouble
