"""Every test has a home, a state and a working folder of its own."""

import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from soak import SOAK, many

# Tests start dgops and Ansible by the hundred: what they import is compiled once, whatever the person has set.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# A shell that runs the tests in the background has Ctrl-C ignored, and every child that is sent one would go on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# What pyenv puts in the way of `python3` looks for it anew each time, with a dozen processes.
FOLDERS = os.environ["PATH"].split(os.pathsep)
os.environ["PATH"] = os.pathsep.join(folder for folder in FOLDERS if Path(folder).name != "shims")

TESTS = Path(__file__).parent
# Each takes minutes. Begun last, one would be waited for; side by side are those that compute and those that wait.
LONG = (
    "e2e/test_train.py",
    "unit/cli/losses/test_pod_losses.py",
    "e2e/test_bootstrap.py",
    "e2e/test_mutation.py",
    "e2e/test_image.py",
    "unit/sync/test_nothing_lost.py",
    "e2e/test_readme.py",
    "e2e/test_story.py",
    "e2e/test_roles.py",
    "e2e/test_up.py",
    "e2e/test_deploy_faults.py",
    "e2e/test_deploy.py",
    "unit/cli/test_go.py",
    "unit/training/tiny/test_main.py",
)

settings.register_profile("soak", max_examples=many(100))
if SOAK:
    settings.load_profile("soak")


def pytest_collection_modifyitems(items):
    """Put the long files first, and give each test of a soak the time for twenty times as much.

    What names a deadline of its own keeps it.
    """
    places = {TESTS / name: place for place, name in enumerate(LONG)}
    gone = [str(path) for path in places if not path.exists()]
    if gone:
        raise pytest.UsageError(f"{Path(__file__)}: LONG names what is not there: {', '.join(gone)}")
    items.sort(key=lambda item: places.get(item.path, len(places)))
    for item in items if SOAK else ():
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(3 * 60 * 60))


@pytest.fixture(autouse=True)
def own_place(monkeypatch, tmp_path, request):
    """Keep a test away from the person's real home; end-to-end tests set up their own."""
    if request.node.get_closest_marker("e2e"):
        return
    home = tmp_path / "home"
    home.mkdir()
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("INVENTORY", "MODE", "STATE", "CACHE", "FORKS", "CONNECT_TIMEOUT", "RUNPOD_URL", "RUNPOD_GRAPHQL_URL"):
        monkeypatch.delenv(f"DGOPS_{name}", raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path)
