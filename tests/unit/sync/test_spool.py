"""A pod is lost with edits that nobody synced: its volume gives them back to its successor's home."""

import json
import os
import shutil

import pytest
from world import Direct, World

from dgops.agent import replica as replica_room
from dgops.agent import spool
from dgops.hosts.host import Host
from dgops.sync import run
from dgops.sync.scene import Wish

API, SHARED = "apps/api/src", "packages/shared"


class Lossy(World):
    """A world whose host has a volume, and a keeper that runs when it is told to."""

    def __init__(self, root):
        super().__init__(root)
        self.volume = root / "volume"
        self.volume.mkdir()

    def keep(self):
        for kept in spool.known():
            spool.save(kept)

    def lose(self, image=None):
        """End the host; its successor holds what the image does, and the volume."""
        shutil.rmtree(self.there / "app")
        shutil.rmtree(os.path.expanduser("~/.cache/dgops/replicas"))
        for path, text in (image or {}).items():
            self.host(path, text)

    def back(self, **more):
        return self.sync(source="local", spool=True, **more)


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "root"))
    monkeypatch.setattr(replica_room.watch, "ensure", lambda: True)
    monkeypatch.setattr(run, "_root", lambda shared, settings: str(tmp_path / "volume"))
    world = Lossy(tmp_path).filled()
    world.host(f"{API}/f0.py", "edited\n")
    world.host(f"{API}/made/new.py", "new\n")
    (world.there / "app" / SHARED / "clock.py").unlink()
    world.keep()
    return world


def test_of_a_host_that_was_never_deployed_from_here_the_inventory_says_the_root(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "root"))
    monkeypatch.setattr(replica_room.watch, "ensure", lambda: True)
    world = Lossy(tmp_path)
    named = Wish().on(Host("pod", "local", variables={"persistent_root": str(world.volume)}))
    assert named.root == str(world.volume)
    assert world.sync(source="local", root=named.root).parity
    world.host(f"{API}/f0.py", "edited\n")
    world.keep()
    world.lose()
    result = world.back(root=named.root)
    assert (result.outcome, result.parity, world.host(f"{API}/f0.py")) == ("pulled", True, "edited\n"), result


@pytest.mark.parametrize("root", [None, "", "workspace", ["/workspace"]])
def test_what_is_no_absolute_path_is_no_root(root):
    assert Wish().on(Host("pod", "local", variables={"persistent_root": root})).root == ""


def test_what_was_spooled_comes_home_and_the_successor_is_filled(world):
    world.lose()
    refused = world.sync()
    assert refused.outcome == "fresh"
    assert "--from-spool" in refused.error.hint
    base = world.head
    result = world.back(allow_deletes=True)
    assert (result.outcome, result.parity) == ("pulled", True), result
    assert {(one.kind, one.path) for one in result.changes} == {
        ("M", f"{API}/f0.py"),
        ("A", f"{API}/made/new.py"),
        ("D", f"{SHARED}/clock.py"),
    }
    assert world.git("show", f"HEAD:{API}/made/new.py") == "new"
    assert world.host(f"{API}/f0.py") == "edited\n"
    assert world.git("merge-base", "--is-ancestor", base, "HEAD") == ""
    assert "Dgops-Host: pod" in world.git("log", "-1", "--format=%B")
    assert any("up to 30 s before its end may be lost" in said for said in world.said)
    assert not list(world.volume.rglob("edits.json"))
    assert world.sync().outcome == "parity"


def test_home_went_on_meanwhile(world):
    world.home(f"{API}/f1.py", "newer at home\n")
    world.lose({f"{API}/f0.py": "the image's\n"})
    result = world.back(allow_deletes=True)
    assert (result.outcome, result.parity) == ("merged", True), result
    assert (world.repo / API / "f0.py").read_text() == "edited\n"
    assert (world.repo / API / "f1.py").read_text() == "newer at home\n"
    assert world.host(f"{API}/f0.py") == "edited\n"
    assert any("the image's" in world.git("show", f"{name}:{API}/f0.py") for name in world.branches)


def test_the_same_lines_go_to_a_branch_and_nothing_is_filled_until_it_is_merged(world):
    world.home(f"{API}/f0.py", "ours\n")
    world.lose()
    result = world.back(allow_deletes=True)
    assert result.outcome == "conflict"
    assert world.git("show", f"{result.branch}:{API}/f0.py") == "edited"
    assert list(world.volume.rglob("edits.json"))
    world.git("merge", "-X", "theirs", "--no-edit", result.branch)
    result = world.back(allow_deletes=True)
    assert result.parity, result
    assert world.host(f"{API}/f0.py") == "edited\n"
    assert not list(world.volume.rglob("edits.json"))


def test_synced_in_time_there_is_nothing_to_give_back(world):
    world.sync(allow_deletes=True)
    world.keep()
    world.lose()
    refused = world.sync()
    assert "--from-spool" not in refused.error.hint
    result = world.back()
    assert result.outcome == "refused"
    assert "no spool of api, shared lies on its volume" in result.error.message


def test_a_dry_run_changes_nothing(world):
    world.lose()
    head, before = world.head, sorted(world.volume.rglob("*"))
    result = world.back(allow_deletes=True, dry_run=True)
    assert (result.outcome, len(result.changes)) == ("pulled", 3)
    assert (world.head, sorted(world.volume.rglob("*"))) == (head, before)
    assert not (world.there / "app").exists()


def test_a_base_that_home_does_not_have_is_refused(world):
    world.lose()
    for path in world.volume.rglob("edits.json"):
        path.write_text(path.read_text().replace(world.base, "d" * 40))
    result = world.back()
    assert result.outcome == "refused"
    assert "stands on the commit dddddddddddd, which is not here" in result.error.message
    assert str(world.volume) in result.error.hint


def test_ignored_files_stay_where_they_are(world):
    world.home(".gitignore", "*.log\n")
    world.host(f"{API}/server.log", "noise\n")
    world.keep()
    world.lose()
    result = world.back(allow_deletes=True)
    assert f"{API}/server.log" not in {one.path for one in result.changes}
    assert not (world.repo / API / "server.log").exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "../../../etc"),
        ("base", "HEAD; rm -rf /"),
        ("edits", {"f0.py": ["100644", "x", ""]}),
        ("edits", {"f0.py": ["040000", "a" * 40, ""]}),
        ("edits", {"link": ["120000", "a" * 40, "/etc/passwd"]}),
        ("edits", []),
        ("gone", None),
    ],
)
def test_a_list_that_lies_in_its_shape_is_refused(world, field, value):
    class Lying(Direct):
        def tamper(self, command, answer):
            for one in answer.get("spools", []) if command == "watch" else ():
                one[field] = value
            return answer

    world.lose()
    head = world.head
    result = world.sync(Lying("pod"), source="local", spool=True)
    assert result.outcome == "refused"
    assert "something else than spools" in result.error.message
    assert world.head == head


def test_names_that_may_not_come_home_do_not(world):
    (tree,) = {path for path in world.volume.rglob("tree") if (path / "f0.py").exists()}
    hooks = tree / "made/.git/hooks"
    hooks.mkdir(parents=True)
    (hooks / "post-checkout").write_text("#!/bin/sh\ntouch /tmp/owned\n")
    listed = tree.parent / "edits.json"
    record = json.loads(listed.read_text())
    record["edits"]["made/.git/hooks/post-checkout"] = ["100755", "a" * 40, ""]
    record["edits"]["../../outside.py"] = ["100644", "a" * 40, ""]
    listed.write_text(json.dumps(record))
    world.lose()
    world.back(allow_deletes=True)
    assert not [path for path in world.git("ls-files").split() if ".git" in path or "outside" in path]
    assert not (world.root / "outside.py").exists()


def noted():
    """Return what the host knows: map → its base and the ids of its files."""
    return {one["name"]: (one["base"], {path: row[1] for path, row in one["entries"].items()}) for one in spool.known()}


def test_what_the_host_knows_follows_each_sync(world, monkeypatch):
    world.sync(allow_deletes=True)
    sent = []
    real = run.transfers.mark
    monkeypatch.setattr(run.transfers, "mark", lambda transport, marks: sent.append(marks) or real(transport, marks))
    world.host(f"{API}/f1.py", "edited there\n")
    world.home(f"{API}/f2.py", "edited here\n")
    assert world.sync().parity
    ((one, other),) = sent
    assert set(one.keep["entries"]) == {"f1.py", "f2.py"}
    assert other.keep["entries"] == {}
    base, ids = noted()["api"]
    assert base == world.base
    assert ids == {path: world.git("rev-parse", f"HEAD:{API}/{path}") for path in ids}
    assert len(ids) == 7


def test_notes_that_are_gone_are_sent_whole(world, monkeypatch):
    world.sync(allow_deletes=True)
    shutil.rmtree(os.path.expanduser("~/.cache/dgops/replicas"))
    world.host(f"{API}/f1.py", "edited there\n")
    assert world.sync().parity
    assert len(noted()["api"][1]) == 7


def test_what_may_not_come_home_stays_on_the_volume(world):
    os.symlink("/etc/passwd", world.there / "app" / API / "link")
    world.keep()
    world.lose()
    result = world.back(allow_deletes=True)
    assert result.parity, result
    assert (world.repo / API / "f0.py").read_text() == "edited\n"
    assert any(f"could not come home: {API}/link; what is there stays in {world.volume}" in said for said in world.said)
    (kept,) = spool.listed(str(world.volume))
    assert kept["edits"]["link"][2] == "/etc/passwd"


def test_a_listed_file_that_is_gone_is_told_and_its_spool_stays(world):
    (tree,) = {path for path in world.volume.rglob("tree") if (path / "f0.py").exists()}
    (tree / "f0.py").unlink()
    world.lose()
    assert world.back(allow_deletes=True).parity
    assert any(f"could not come home: {API}/f0.py" in said for said in world.said)
    assert (world.repo / API / "made/new.py").exists()
    assert len(spool.listed(str(world.volume))) == 1


def test_a_spool_that_cannot_be_removed_spoils_no_sync(world):
    class Stubborn(Direct):
        def tamper(self, command, answer):
            return {"error": "OSError: Read-only file system"} if command == "watch" and not answer else answer

    world.lose()
    result = world.sync(Stubborn("pod"), source="local", spool=True, allow_deletes=True)
    assert (result.parity, result.error) == (True, None)
    assert any("the spool could not be removed" in said for said in world.said)
