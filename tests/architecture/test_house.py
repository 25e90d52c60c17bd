"""The rules of the house that imports and sizes cannot show."""

import ast
import subprocess
import sys

import pytest
from tests_tree import ROOT, functions, modules, strings, tree

SOURCES = modules("dgops")
STRAY = {"utils", "util", "common", "helpers", "core", "base", "services", "managers", "misc"}
# Who may start which program: the program's name, and the rooms that may hold it.
STARTERS = {
    "ansible-playbook": ("dgops/deploy/",),
    "ansible-inventory": ("dgops/hosts/",),
    # The agent asks a forge from the host; the sandbox prints the line that a person may paste.
    "ssh": ("dgops/transport/", "dgops/agent/", "dgops/sandbox/inventory.py"),
    "ssh-keyscan": ("dgops/transport/",),
    "sftp": ("dgops/transport/",),
    "scp": ("dgops/transport/",),
}
HEAVY = {"ansible", "fabric", "httpx", "paramiko", "pyinfra", "yaml", "rich", "gevent", "numpy", "concurrent.futures"}


def name_of(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_module_has_one_sentence(path):
    text = ast.get_docstring(tree(path))
    if "callback/" in name_of(path):
        return
    assert text, "no docstring"
    first = text.split("\n\n")[0]
    assert first.endswith("."), first
    if path.name == "__init__.py":
        assert len(tree(path).body) == 1, "an __init__ holds its docstring and nothing else"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_names(path):
    assert not STRAY & set(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_who_starts_what(path):
    heads = set(argv_heads(path))
    for program, rooms in STARTERS.items():
        named = program in heads or (program.startswith("ansible-") and program in strings(path))
        assert not named or name_of(path).startswith(rooms), f"{program} may only be started in {rooms}"


def argv_heads(path):
    """Yield the first string of every list: what an argv starts."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.List) and len(node.elts) > 1 and isinstance(node.elts[0], ast.Constant):
            yield node.elts[0].value


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_broad_except(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None
            assert "Exception" not in {one.id for one in ast.walk(node.type) if isinstance(one, ast.Name)}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_shell(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            asked = {one.arg: one.value for one in node.keywords}
            assert not (isinstance(asked.get("shell"), ast.Constant) and asked["shell"].value is True)
            assert not (isinstance(node.func, ast.Attribute) and ast.unparse(node.func) in ("os.system", "os.popen"))


def test_every_wait_has_a_deadline():
    """subprocess.run, .communicate and .wait name a timeout."""
    waiters = {"subprocess.run", "subprocess.check_output", "subprocess.check_call"}
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in waiters:
                assert "timeout" in {one.arg for one in node.keywords}, f"{name_of(path)}:{node.lineno}"


def test_layers():
    done = subprocess.run([f"{sys.prefix}/bin/lint-imports"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_what_tests_share_has_a_name_of_its_own():
    shared = [path for path in modules("tests/unit") if not path.name.startswith(("test_", "conftest.", "__init__."))]
    shared += [path for path in (ROOT / "tests/e2e").glob("*.py") if not path.name.startswith(("test_", "conftest."))]
    names = [path.stem for path in shared]
    # Imported by that name alone: one process that runs both rooms would take whichever came first.
    assert sorted(names) == sorted(set(names))


def test_help_imports_nothing_heavy():
    program = "import sys, dgops.cli.main as m; m.cli.main(['--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.splitlines()[-1].split())


def test_reference_is_fresh():
    # In a process of its own: click keeps a command's --help as the first context wanted it.
    done = subprocess.run([sys.executable, "-m", "dgops.cli.reference", "--check"], cwd=ROOT, timeout=60)
    assert done.returncode == 0, "make generate"


def test_project_file_is_the_one_that_init_writes():
    from dgops.cli.init import PROJECT

    assert (ROOT / "dgops.toml").read_text() == PROJECT


def test_tests_mirror_code():
    """Most modules have a test at the same path."""
    twins = [path for path in SOURCES if path.name not in ("__init__.py", "__main__.py")]
    missing = [name_of(path) for path in twins if not twin(path).exists()]
    assert len(missing) <= 0.4 * len(twins), missing


def twin(path):
    inner = path.relative_to(ROOT / "dgops")
    return ROOT / "tests/unit" / inner.with_name(f"test_{inner.name}")


def test_functions_are_found():
    assert sum(len(functions(path)) for path in SOURCES) > 100
