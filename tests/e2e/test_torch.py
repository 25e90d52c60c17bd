"""A venv with torch from a hashed lock, fed by a wheel that lies on the controller: what fast-test mode needs."""

import json
import os
from pathlib import Path

import pytest
from place import BIN, REPO, Place

pytestmark = pytest.mark.e2e
VENV = "/home/seanf/app/.venv"


def torch_wheel():
    """Return the CPU build of torch that pip is told of, the only one small enough for a test."""
    folders = [Path(name) for name in os.environ.get("PIP_FIND_LINKS", "").split() if "://" not in name]
    return next((wheel for folder in folders for wheel in sorted(folder.glob("torch-*+cpu-cp311-*.whl"))), None)


@pytest.fixture(scope="module")
def place(stock, tmp_path_factory):
    wheel = torch_wheel()
    if wheel is None:
        pytest.skip("no CPU wheel of torch for Python 3.11 in a folder that PIP_FIND_LINKS names")
    found = Place(tmp_path_factory.mktemp("torch"))
    try:
        stock.give(found)
        ask(found, wheel)
        yield found
    finally:
        found.down()


def ask(found, wheel):
    """Ask for a venv with torch, by a lock that is made here."""
    locks = found.root / "locks"
    found.run("cp", "-r", REPO / "locks", locks)
    (locks / "app.in").write_text(f"torch=={wheel.name.split('-')[1]}\nnumpy<2\n")
    compiling = ["pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--python-version", "3.11"]
    done = found.run(BIN / "uv", *compiling, "--find-links", wheel.parent, locks / "app.in", "-o", locks / "app.txt")
    assert done.returncode == 0, done.stderr
    runtime = {"path": "/home/seanf/.runtime-venv", "lock": "runtime", "allow": ["dgops"]}
    variables = {
        "python_env__lock_folder": str(locks),
        "python_env__venvs": [runtime, {"path": VENV, "lock": "app", "torch": True}],
        "wheel_cache__seed": [str(wheel.parent)],
    }
    (found.root / "inventories/sandbox/host_vars").mkdir()
    (found.root / "inventories/sandbox/host_vars/pod.yml").write_text(json.dumps(variables))


def test_torch_is_there_as_locked(place):
    done = place.dgops("deploy", "--host", "pod")
    assert done.returncode == 0, done.stdout + done.stderr
    version = torch_wheel().name.split("-")[1]
    code, found = place.json("health")
    checks = {one["check"]: one["outcome"] for one in found["hosts"]["pod"]["checks"]}
    assert (code, checks["app/.venv is as its lock says"]) == (0, "pass")
    assert version in place.dgops("health").stdout
    seen = place.on("pod", f"{VENV}/bin/python -c 'import numpy, torch; print(numpy.__version__, torch.ones(3).sum())'")
    assert seen.startswith("1.")
    assert "tensor(3.)" in seen


def test_production_mode_fails_it_for_want_of_a_gpu(place):
    place.env["DGOPS_MODE"] = "production"
    assert place.dgops("deploy", "--host", "pod").returncode == 0
    code, found = place.json("health")
    failed = {one["observed"] for one in found["hosts"]["pod"]["checks"] if one["outcome"] == "fail"}
    assert code == 1
    assert any("CUDA not available" in one for one in failed)
