"""What roles depend on: made-up ones, and those of this tree."""

import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from dgops.deploy import purity, tree
from dgops.errors import ConfigError

CASES = yaml.safe_load((Path(__file__).parents[2] / "cases/roles/purity.yml").read_text())
GIVEN = ("variables", "facts", "cargo", "files", "impure")


@pytest.fixture(scope="module")
def ours():
    return purity.analyse(tree.root())


def lay(root, **roles):
    """Write made-up roles below a folder."""
    for role, files in roles.items():
        for name, content in files.items():
            path = root / "roles" / role / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return root


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(tmp_path, case):
    lay(tmp_path, one=case["one"], two=case.get("two", {}))
    found = asdict(purity.analyse(tmp_path)["one"])
    assert {key: list(found[key]) for key in GIVEN if found[key]} == case["gives"]


@pytest.mark.parametrize("name", tree.role_names())
def test_every_role_is_pure_or_says_why_not(ours, name):
    declared = tree.root() / "roles" / name / "inputs.yml"
    body = yaml.safe_load(declared.read_text()) if declared.exists() else {}
    found = ours[name].impure
    assert found == ((body["reason"],) if body.get("pure") is False else ())


def test_roles_of_this_tree(ours):
    assert ours["dgops_runtime"].cargo == ("agent", "wheel")
    assert "missing" in ours["base"].facts
    assert "missing" not in ours["user"].facts, "a package that is gone is for base alone to mend"
    assert {"dgops_mode", "persistent_root", "user__name"} <= set(ours["python_env"].variables)


def test_definitions_are_raw(tmp_path):
    one = {
        "tasks/main.yml": [],
        "defaults/main.yml": "one__a: '{{ x }}'\none__b: 2026-01-02\none__c: !unsafe '{{ y }}'\n",
    }
    found = purity.definitions(lay(tmp_path, one=one, two={"tasks/main.yml": [], "vars/main.yml": {"two__a": [1]}}))
    assert found["one__a"] == "{{ x }}"
    assert found["one__b"] == "2026-01-02"
    assert found["two__a"] == [1]
    assert "{{" not in json.dumps(found["one__c"])


def test_an_inventory_that_holds_templates(tmp_path):
    files = {
        "defaults/main.yml": {"one__a": "{{ lookup('env', 'HOME') }}"},
        "vars/main.yml": {"one__fixed": "{{ one__a }}"},
        "tasks/main.yml": [{"debug": {"msg": "{{ one__fixed }}"}}],
    }
    found = purity.load(lay(tmp_path, one=files), tmp_path / "cache")
    assert found.inputs["one"].impure == ("look-up env changes, by way of one__a",)
    assert found.for_host({"one__a": "plain"})["one"].impure == ()
    asked = found.for_host({"one__a": "{{ mine }}", "mine": "{{ ansible_env.HOME }}{{ contract__seen.wsl }}"})["one"]
    assert asked.variables == ("mine", "one__a", "one__fixed")
    assert asked.facts == ("wsl",)
    assert asked.impure == ("uses fact ansible_env, by way of mine",)
    # A role's fixed variable stands above the inventory.
    assert found.for_host({"one__fixed": "plain"})["one"] == found.inputs["one"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"files": "x"}, "files: is no list of texts"),
        ({"pure": False}, "reason: a role that is not pure says why, and no other does"),
        ({"reason": "x"}, "reason: a role that is not pure says why, and no other does"),
        ({"pure": "no", "reason": ""}, "pure: 'no' is neither true nor false"),
        ({"file": []}, "file: unknown key (known: files, pure, reason)"),
    ],
)
def test_inputs_that_are_wrong(tmp_path, body, problem):
    with pytest.raises(ConfigError) as caught:
        purity.analyse(lay(tmp_path, one={"tasks/main.yml": [], "inputs.yml": body}))
    assert problem in str(caught.value)


def test_what_was_read_is_kept(ours, tmp_path):
    cache = tmp_path / "cache"
    first = purity.load(tree.root(), cache)
    program = (
        "import sys; from pathlib import Path; from dgops.deploy import purity\n"
        "a = purity.load(Path(sys.argv[1]), Path(sys.argv[2])); a.for_host({'x': '1'}); len(a.definitions)\n"
        "print({'yaml', 'jinja2', 'ansible'} & set(sys.modules))"
    )
    argv = [sys.executable, "-c", program, str(tree.root()), str(cache)]
    assert subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout == "set()\n"
    again = purity.load(tree.root(), cache)
    assert again == first
    assert again.inputs == ours
    assert again.definitions == purity.definitions(tree.root())
    assert len(list(cache.rglob("*.json"))) == 1


def test_a_changed_tree_or_a_damaged_note_is_read_again(tmp_path):
    root, cache = tmp_path / "clone", tmp_path / "cache"
    shutil.copytree(tree.root() / "roles", root / "roles")
    purity.load(root, cache)
    lay(root, user={"defaults/main.yml": {"user__new": 1}})
    assert "user__new" in purity.load(root, cache).definitions
    for note in cache.rglob("*.json"):
        note.write_text("{}")
    assert "user__new" in purity.load(root, cache).definitions
