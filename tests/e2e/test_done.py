"""dgops done on a real pod: an edit there, a job there, a branch here; and the safe part of it."""

import subprocess

import pytest
from place import Place

pytestmark = pytest.mark.e2e
MAP = '[[sync.map]]\nname = "api"\nhost = "pod"\nhost_path = "/app/api"\nrepo = "isengard"\nlocal_path = "api"\n'


@pytest.fixture(scope="module")
def place(stock, tmp_path_factory):
    """A ready pod with a mapped folder, in parity, and no job of anybody else."""
    found = Place(tmp_path_factory.mktemp("done"))
    try:
        stock.give(found)
        mapped(found)
        yield found
    finally:
        found.down()


def mapped(place):
    repo = place.root / "isengard"
    (repo / "api").mkdir(parents=True)
    (repo / "api/main.py").write_text("one\n")
    identity = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    for argv in (("init", "-q", "-b", "main"), ("add", "."), (*identity, "commit", "-qm", "first")):
        subprocess.run(["git", "-C", repo, *argv], check=True, timeout=30)
    for key, value in (("user.name", "Ann"), ("user.email", "ann@example.org")):
        subprocess.run(["git", "-C", repo, "config", key, value], check=True, timeout=30)
    with (place.root / "dgops.toml").open("a") as stream:
        stream.write(MAP)
    synced = place.dgops("sync", "--host", "pod", "--from", "local")
    assert synced.returncode == 0, synced.stderr


def left(place, *more):
    code, found = place.json("done", *more)
    assert found["ok"] is (code == 0)
    return code, [(item["kind"], item["where"]) for item in found["items"]]


def test_all_is_done_then_an_edit_there_and_a_job(place):
    assert left(place) == (0, [])
    place.on("pod", "echo two >>/app/api/main.py")
    job = place.dgops("run", "--host", "pod", "--detach", "--", "sleep", "600")
    assert job.returncode == 0, job.stderr
    (place.root / "isengard/note.txt").write_text("not committed\n")
    assert left(place) == (1, [("uncommitted", "isengard"), ("unsynced", "pod"), ("running", "pod")])
    shown = place.dgops("done").stdout
    assert "api: 1 edited on host" in shown
    assert "dgops sync --host pod" in shown


def test_the_safe_part_is_a_sync_and_nothing_else(place):
    code, items = left(place, "--fix")
    assert (code, items) == (1, [("uncommitted", "isengard"), ("running", "pod")])
    assert (place.root / "isengard/api/main.py").read_text() == "one\ntwo\n"
    _, listed = place.json("jobs", "list")
    running = next(one["id"] for one in listed if one["status"] == "running")
    assert place.dgops("jobs", "cancel", running).returncode == 0
    (place.root / "isengard/note.txt").unlink()
    done = place.dgops("done")
    assert (done.returncode, done.stdout.split()[0]) == (0, "done"), done.stdout
