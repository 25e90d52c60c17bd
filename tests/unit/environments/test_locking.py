"""Locks made by a real uv from indexes of wheels that are built here."""

import socket

import pytest
import wheel_index as index

from dgops.environments import locking, locks
from dgops.errors import DgopsError


@pytest.fixture
def nowhere():
    """A URL where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/whl"


def names(text):
    return [line.split("==")[0] for line in text.splitlines() if "==" in line and not line.startswith("#")]


def test_without_its_index_the_lock_says_what_it_lacks(world, nowhere):
    done = locking.lock("app", index=nowhere)
    text = done.path.read_text()
    assert names(text) == ["filelock", "numpy", "trainerlib"], "no other torch, and nothing of it"
    assert locks.missing(text) == done.missing == ("torch==2.5.1+cu121", "torchvision==0.20.1+cu121")
    assert "# incomplete: torch==2.5.1+cu121\n" in text
    assert "could not be reached" in done.why


@pytest.mark.parametrize("kind", ["url", "folder"])
def test_with_its_index_the_hashes_are_completed(world, nowhere, kind):
    locking.lock("app", index=nowhere)
    done = locking.lock("app", index=str(getattr(world, kind)))
    text = done.path.read_text()
    assert (done.missing, locks.missing(text), done.why) == ((), (), "")
    assert f"--hash=sha256:{index.sha256(world.torch)}" in text
    versions = {line.split(" ")[0] for line in text.splitlines() if "==" in line and not line.startswith("#")}
    assert versions == {
        "filelock==3.0",
        "numpy==1.26.4",
        "nvidia-runtime==12.1",
        "torch==2.5.1+cu121",
        "torchvision==0.20.1+cu121",
        "trainerlib==1.0",
    }


def test_a_whole_lock_is_not_taken_apart_when_the_index_is_gone(world, nowhere):
    path = locking.lock("app", index=world.url).path
    before = path.read_bytes()
    done = locking.lock("app", index=nowhere)
    assert path.read_bytes() == before
    assert done.missing
    assert done.why.endswith("the lock was left as it is")


def test_another_build_is_never_taken(world):
    index.simple(world.root / "site/other", [index.wheel(world.root / "w", "torch", "2.5.1+cu124")])
    with pytest.raises(DgopsError, match="app cannot be locked"):
        locking.lock("app", index=world.url.replace("family", "other"))
    assert not (world.locks / "app.txt").exists()


def test_another_profile_has_a_lock_of_its_own(world):
    made = [index.wheel(world.root / "w", name, f"{version}+cu124") for name, version in PROFILE_124]
    index.simple(world.root / "site/cu124", made)
    done = locking.lock("app", "cu124", world.url.replace("family", "cu124"))
    assert done.path.name == "app-cu124.txt"
    assert "torch==2.6.0+cu124" in done.path.read_text()


PROFILE_124 = [("torch", "2.6.0"), ("torchvision", "0.21.0")]


def test_what_no_index_holds_stays_named(world):
    wanted = world.locks / "app.in"
    held = "trainerlib @ git+https://example.org/trainerlib@0123abc"
    wanted.write_text(wanted.read_text().replace("trainerlib==1.0", f"# held back: {held}"))
    done = locking.lock("app", index=world.url)
    assert done.missing == ("trainerlib",)
    assert "trainerlib==" not in done.path.read_text()


def test_a_folder_that_is_none(world, tmp_path):
    assert "is no folder" in locking.lock("app", index=str(tmp_path / "none")).why


def test_uv_says_why_nothing_fits(world):
    wanted = world.locks / "app.in"
    wanted.write_text(wanted.read_text().replace("numpy<2", "numpy<1"))
    with pytest.raises(DgopsError, match="numpy<1"):
        locking.lock("app", index=world.url)
