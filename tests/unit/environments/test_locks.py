"""What is wanted, what a lock lacks, and the locks of this tree."""

import pytest

from dgops.environments import locks, profiles, tables
from dgops.errors import DgopsError, UsageError

ENVIRONMENTS = ["ai-toolkit", "caption", "comfyui", "musubi", "sd-scripts", "sd-scripts-v0.10", "tiny"]


def test_what_is_wanted(locks_of_app):
    found = locks.wanted("app")
    assert found.ordinary == ("trainerlib==1.0", "numpy<2")
    assert (found.family, found.pythons) == (("torch", "torchvision"), ("3.10", "3.12"))
    assert found.family_pins(profiles.get("cu124")) == ("torch==2.6.0+cu124", "torchvision==0.21.0+cu124")
    assert [found.file_for(profiles.get(name)) for name in ("cu121", "cu124")] == ["app", "app-cu124"]


@pytest.fixture
def locks_of_app(locks):
    return locks


def test_a_profile_that_lacks_a_package(locks_of_app):
    with pytest.raises(DgopsError, match="app needs torchvision, and no build of it is known for cpu"):
        locks.wanted("app").family_pins(profiles.get("cpu"))


def test_no_such_environment(locks_of_app):
    with pytest.raises(UsageError) as caught:
        locks.wanted("ap")
    assert caught.value.hint == "did you mean app?"


def test_a_lock_says_what_it_lacks():
    assert locks.missing("numpy==1.26.4 \\\n    --hash=sha256:00\n") == ()
    lacking = ("torch==2.5.1+cu121", "x @ git+https://y")
    assert locks.missing(f"# incomplete: {lacking[0]}\n# incomplete: {lacking[1]}\nnumpy==1\n") == lacking


def test_which_environments_there_are():
    assert locks.names() == ENVIRONMENTS


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_this_trees_locks(name):
    wanted = locks.wanted(name)
    text = (tables.folder("locks") / f"{name}.txt").read_text()
    asked = (tables.folder("locks") / f"{name}.in").read_text().splitlines()
    pins = wanted.family_pins(profiles.get(wanted.profile))
    assert [line for line in asked if locks.requirement_name(line) in locks.FAMILY] == list(pins)
    held = {line.split(" ")[0] for line in text.splitlines() if "==" in line and not line.startswith("#")}
    # Each package of the torch family is locked in the profile's build, or named as missing; never another build.
    for pin in pins:
        assert (pin in held) != (pin in locks.missing(text))
    lacking = {locks.requirement_name(one) for one in (*locks.missing(text), *locks.FAMILY)}
    assert not {one for one in held if locks.requirement_name(one) in lacking} - set(pins)
    assert not any(one.startswith("nvidia-") for one in held) or "torch" not in lacking
    for requirement in wanted.ordinary:
        assert "==" not in requirement or requirement.replace("_", "-").lower() in held
    first, last = (tables.release(one) for one in wanted.pythons)
    least, most = (tables.release(one) for one in profiles.get(wanted.profile).python)
    assert least <= first <= last <= most


@pytest.mark.parametrize("name", ["sd-scripts", "sd-scripts-v0.10", "musubi", "comfyui", "caption"])
def test_numpy_is_older_than_2(name):
    text = (tables.folder("locks") / f"{name}.txt").read_text()
    assert {line.split(" ")[0] for line in text.splitlines() if line.startswith("numpy==")} == {"numpy==1.26.4"}
