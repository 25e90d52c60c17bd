"""Whatever a role does, the mutation test knows what may happen to it."""

import pytest
import yaml
from mutation.tamper import COMMANDS, COVERED, MODULES, NOTHING, TASKS
from tests_tree import ROOT

ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
KNOWN = COMMANDS | NOTHING | set(MODULES)
PREFIX = "ansible.builtin."


def read(path):
    return yaml.safe_load(path.read_text()) if path.exists() else []


def tasks(items):
    for item in items or []:
        yield item
        for key in ("block", "rescue", "always"):
            yield from tasks(item.get(key))


def of(role):
    """Yield every task and handler of a role with its module; ansible-lint allows full names only."""
    for path in sorted([*role.glob("tasks/**/*.yml"), *role.glob("handlers/**/*.yml")]):
        for task in tasks(read(path)):
            yield from ((task["name"], key) for key in task if key.startswith(PREFIX))


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_module_has_its_tamperers(role):
    unknown = sorted({module for _, module in of(role)} - KNOWN)
    assert unknown == [], "tests/e2e/mutation/tamper.py says what may happen to what a module keeps"


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_command_names_the_checks_that_cover_it(role):
    names = {check["name"] for check in read(role / "checks.yml")}
    for task, module in of(role):
        if module in COMMANDS:
            cover = COVERED.get((role.name, task))
            assert cover, f"{role.name}: {task}: not in the table COVERED of tests/e2e/mutation/tamper.py"
            assert cover.checks or cover.why, f"{role.name}: {task}: no check covers it, and nothing says why"
            assert set(cover.checks) <= names, f"{role.name}: {task}: no such check in checks.yml"


def test_the_table_names_no_task_that_is_gone():
    there = {(role.name, task) for role in ROLES for task, module in of(role) if module in COMMANDS}
    assert set(COVERED) - there == set()
    assert set(TASKS) - {(role.name, task) for role in ROLES for task, _ in of(role)} == set()
