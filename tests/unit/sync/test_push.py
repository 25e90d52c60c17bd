"""Push: per file, only over what home expects; what was edited meanwhile stays and is told."""

import os
import shutil

from world import Direct

from dgops.agent import replica, scan
from dgops.sync import snapshot

API = "apps/api/src"


class Busy(Direct):
    """A host where somebody edits a file between the look and the push."""

    def __init__(self, world, path, text):
        super().__init__("pod")
        object.__setattr__(self, "edit", lambda: world.host(path, text))

    def tamper(self, command, answer):
        if command == "scan":
            self.edit()
            object.__setattr__(self, "edit", lambda: None)
        return answer


def test_an_edit_between_look_and_push_is_not_overwritten(world):
    world.filled()
    world.home(f"{API}/f1.py", "home\n")
    world.home(f"{API}/f2.py", "home\n")
    result = world.sync(Busy(world, f"{API}/f1.py", "pod, just now\n"))
    assert (result.outcome, result.parity, [one.path for one in result.pushed]) == ("pushed", False, [f"{API}/f2.py"])
    assert result.skipped[0].reason == "not pushed: it was edited on the host meanwhile"
    assert world.host(f"{API}/f1.py") == "pod, just now\n"
    assert world.host(f"{API}/f2.py") == "home\n"
    assert world.sync().outcome == "conflict", "both sides edited it, and now both are known"
    assert world.host(f"{API}/f1.py") == "pod, just now\n"


def test_an_edit_while_a_fresh_replica_is_filled_stays_and_it_stays_fresh(world):
    world.host(f"{API}/f1.py", "image\n")
    result = world.sync(Busy(world, f"{API}/f1.py", "just now\n"), source="local")
    assert (result.parity, world.host(f"{API}/f1.py")) == (False, "just now\n")
    assert world.sync().outcome == "fresh"
    assert world.sync(source="local").parity
    assert any("just now" in world.git("show", f"{branch}:{API}/f1.py") for branch in world.branches)


def test_a_folder_comes_where_a_file_was_and_back(world):
    world.filled()
    (world.repo / API / "f1.py").unlink()
    world.home(f"{API}/f1.py/inner.py", "x\n")
    assert world.sync().parity
    assert world.host(f"{API}/f1.py/inner.py") == "x\n"
    (world.repo / API / "f1.py/inner.py").unlink()
    (world.repo / API / "f1.py").rmdir()
    world.home(f"{API}/f1.py", "x\n")
    assert world.sync().parity
    assert world.host(f"{API}/f1.py") == "x\n"


def test_links_and_bits_go_there(world):
    os.symlink("f1.py", world.repo / API / "link")
    (world.repo / API / "f2.py").chmod(0o755)
    world.commit("more")
    world.filled()
    assert os.readlink(world.there / "app" / API / "link") == "f1.py"
    (world.repo / API / "f2.py").chmod(0o644)
    world.commit("less")
    assert world.sync().parity
    assert not os.access(world.there / "app" / API / "f2.py", os.X_OK)


def test_many_files_and_large_ones(world):
    world.write(world.repo, f"{API}/large.bin", os.urandom(9 << 20))
    for number in range(230):
        world.write(world.repo, f"{API}/many/{number}", f"{number}\n")
    world.commit("many")
    world.filled()
    world.host(f"{API}/large2.bin", os.urandom(9 << 20))
    result = world.sync()
    assert (result.outcome, result.parity) == ("pulled", True)


def test_a_disk_that_holds_no_permissions_makes_no_edits(world, monkeypatch):
    def everything(folder):
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                path.chmod(0o777)

    real = scan.answer
    monkeypatch.setattr(replica, "_permissions", lambda *_: 0o777)
    monkeypatch.setattr(scan, "answer", lambda request: everything(world.there) or real(request))
    assert world.sync(source="local").parity
    assert world.sync().outcome == "parity"
    world.host(f"{API}/f1.py", "edit\n")
    result = world.sync()
    assert [(one.kind, one.path) for one in result.changes] == [("M", f"{API}/f1.py")]
    assert world.git("ls-tree", "HEAD", f"{API}/f1.py").startswith("100644")


def test_a_replica_that_was_known_once_stays_fresh_until_it_is_whole(world):
    world.filled()
    shutil.rmtree(world.there / "app")
    world.host(f"{API}/f1.py", "image\n")
    assert not world.sync(Busy(world, f"{API}/f1.py", "just now\n"), source="local").parity
    assert world.sync().outcome == "fresh"
    assert world.host(f"{API}/f1.py") == "just now\n"


def test_names_that_no_host_may_send_stay_at_home_and_are_told(world):
    odd = [f"{API}/.dgops-own.json", f"{API}/a\nb.txt", f"{API}/back\\slash"]
    for path in odd:
        world.write(world.repo, path, "1\n")
    world.commit("odd")
    result = world.sync(source="local")
    assert (result.parity, result.ok(), sorted(one.path for one in result.skipped)) == (True, True, odd)
    assert not {path.rpartition("/")[2] for path in odd} & set(os.listdir(world.there / "app" / API))
    for path in odd:
        world.write(world.repo, path, "2\n")
    world.commit("odd again")
    world.host(f"{API}/f1.py", "edit\n")
    result = world.sync()
    assert (result.outcome, result.parity, len(result.changes)) == ("merged", True, 1), result.error
    shutil.rmtree(world.there / "app" / API)
    shutil.copytree(world.repo / API, world.there / "app" / API, ignore=lambda *_: [p.rpartition("/")[2] for p in odd])
    (world.there / "app/apps/api/.dgops-src.json").unlink()
    assert world.sync(source="host").parity
    assert world.git("ls-files", "-z", API).count("\0") == 9, "nothing was deleted at home"


def test_a_link_of_homes_own_may_lead_anywhere(world):
    os.symlink("/etc/hostname", world.repo / API / "link")
    world.commit("a link")
    world.filled()
    assert world.sync().ok()
    (world.there / "app" / API / "link").unlink()
    os.symlink("/etc/passwd", world.there / "app" / API / "link")
    result = world.sync()
    assert [one.path for one in result.refused] == [f"{API}/link"]
    assert os.readlink(world.repo / API / "link") == "/etc/hostname"


def test_a_file_too_large_to_be_looked_at_is_told_with_a_way_out(world, monkeypatch):
    monkeypatch.setattr(snapshot, "MAX_BYTES", 1 << 20)
    world.home(f"{API}/large.bin", b"x" * (2 << 20))
    result = world.sync(source="local")
    assert not result.parity
    assert "take it out of the repository" in result.error.hint
