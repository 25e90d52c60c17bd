"""The wheel cache of a host: filled by a deploy, proven, stolen from, altered, mended."""

import pytest
from place import Place
from wheel_house import build

pytestmark = pytest.mark.e2e
CACHE = "/workspace/wheels"


def state(place):
    """Return what health says of the cache's wheels."""
    _, found = place.json("health", "--host", "pod", "--all")
    return next(one for one in found["hosts"]["pod"]["checks"] if one["check"] == "the wheels of the locks are there")


@pytest.fixture
def seed(tmp_path):
    return build(tmp_path / "seeds", "seed")


def test_a_deployed_host(ready):
    assert state(ready)["outcome"] == "pass"
    code, found = ready.json("wheels", "list", "--host", "pod")
    assert (code, found["caches"]["pod"]["path"]) == (0, CACHE)
    wanted = {one["name"].split("-")[0]: one["locks"] for one in found["caches"]["pod"]["files"]}
    assert "runtime" in wanted["numpy"]
    assert "uv" in wanted["uv"]
    done = ready.dgops("wheels", "verify", "--host", "pod")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("0 archives: all whole")
    assert ready.on("pod", "find", CACHE, "!", "-user", "seanf") == ""


def test_altered_and_stolen_are_found_and_mended(ready):
    ready.on("pod", "sh", "-c", f"'truncate -s 100 {CACHE}/click-*.whl; rm {CACHE}/mdurl-*.whl'")
    seen = state(ready)
    assert (seen["outcome"], seen["observed"].endswith("is missing and 1 more")) == ("fail", True)
    code, found = ready.json("wheels", "verify", "--host", "pod")
    assert (code, len(found["caches"]["pod"]["bad"])) == (1, 1)
    code, found = ready.json("wheels", "fetch", "--host", "pod")
    done = found["caches"]["pod"]["locks"]["runtime"]
    assert (code, len(done["repaired"]), len(done["downloaded"])) == (0, 1, 1)
    assert state(ready)["outcome"] == "pass"
    assert ready.on("pod", "find", CACHE, "!", "-user", "seanf") == ""


@pytest.fixture
def own(stock, tmp_path):
    """A place with a ready pod for one test, which need not mend it."""
    found = Place(tmp_path)
    try:
        stock.give(found)
        yield found
    finally:
        found.down()


def test_the_role_mends_a_seed(own, seed):
    inventory = own.root / "inventories/sandbox/host_vars"
    inventory.mkdir()
    (inventory / "pod.yml").write_text(f"wheel_cache__seed: [{seed.parent}]\n")
    done = own.dgops("deploy", "--host", "pod")
    assert done.returncode == 0, done.stdout + done.stderr
    own.on("pod", "sh", "-c", f"'echo x > {CACHE}/{seed.name}'")
    assert state(own)["observed"] == f"{seed.name} was changed"
    done = own.dgops("deploy", "--host", "pod")
    assert done.returncode == 0, done.stdout + done.stderr
    assert state(own)["outcome"] == "pass"
    code, found = own.json("wheels", "prune", "--host", "pod")
    assert (code, found["caches"]["pod"]["removed"]) == (0, [])


def test_archives_on_a_host(ready):
    code, found = ready.json("wheels", "pack", "--host", "pod", "--lock", "runtime")
    name = found["caches"]["pod"]["locks"]["runtime"]["name"]
    assert code == 0
    try:
        assert ready.json("wheels", "verify", "--host", "pod")[1]["caches"]["pod"]["archives"] == 1
        before = ready.on("pod", "sha256sum", f"{CACHE}/{name}")
        ready.on("pod", "rm", f"{CACHE}/{name}")
        assert ready.json("wheels", "pack", "--host", "pod", "--lock", "runtime")[0] == 0
        assert ready.on("pod", "sha256sum", f"{CACHE}/{name}") == before
    finally:
        ready.on("pod", "rm", "-f", f"{CACHE}/{name}")
