"""The host's side: bytes out, and files that change only if they are what was expected."""

import io
import os
import time

import pytest

from dgops.agent import beneath, replica


@pytest.fixture
def root(tmp_path):
    found = tmp_path / "app/src"
    found.mkdir(parents=True)
    return found


def expect(text, mode="100644"):
    return [mode, beneath.blob_id(text.encode())]


def write(root, path, expected, entry=None, content=b""):
    files = [{"root": str(root), "path": path, "expect": expected, "entry": entry}]
    answer, _ = replica.exchange({"op": "write", "files": files}, io.BytesIO(content))
    assert not list(root.rglob(".dgops-*.part"))
    return answer["results"][0] if "results" in answer else answer["refused"]


def read(root, *parts):
    files = [{"root": str(root), "path": path, "offset": offset, "length": length} for path, offset, length in parts]
    answer, chunks = replica.exchange({"op": "read", "files": files}, io.BytesIO())
    return answer.get("lengths"), b"".join(chunks)


def test_parts_of_files(root, tmp_path):
    (root / "a").write_text("hello world")
    (tmp_path / "secret").write_text("secret")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to(tmp_path)
    os.mkfifo(root / "pipe")
    parts = [("a", 6, 99), ("none", 0, 9), ("link", 0, 9), ("folder/secret", 0, 9), ("pipe", 0, 9), ("a", 0, 2)]
    assert read(root, *parts) == ([5, -1, -1, -1, -1, 2], b"worldhe")


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", ".git/config", ".GIT/x", "", "a//b", "a\0b"])
def test_no_path_leads_elsewhere(root, path):
    assert read(root, (path, 0, 9)) == (None, b"")
    assert "leads elsewhere" in write(root, path, None, ["100644", 1], b"x")


def test_a_new_file_and_its_folders(root):
    assert write(root, "a/b/run", None, ["100755", 3], b"abc") == "done"
    assert ((root / "a/b/run").read_bytes(), (root / "a/b/run").stat().st_mode & 0o777) == (b"abc", 0o755)
    assert write(root, "a/b/run", None, ["100644", 1], b"x") == "differs"
    assert (root / "a/b/run").read_bytes() == b"abc"


def test_a_file_changes_only_from_what_is_expected(root):
    (root / "a").write_text("old")
    (root / "a").chmod(0o664)
    assert write(root, "a", expect("else"), ["100644", 3], b"new") == "differs"
    assert write(root, "a", expect("old", "100755"), ["100644", 3], b"new") == "differs"
    assert (root / "a").read_text() == "old"
    assert write(root, "a", expect("old"), ["100755", 3], b"new") == "done"
    assert ((root / "a").read_text(), (root / "a").stat().st_mode & 0o777) == ("new", 0o775)
    assert write(root, "gone", expect("x"), ["100644", 1], b"x") == "differs"


def test_a_file_goes_only_if_it_is_what_is_expected_and_empty_folders_with_it(root):
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/c").write_text("x")
    (root / "a/kept").write_text("x")
    assert write(root, "a/b/c", expect("y")) == "differs"
    assert write(root, "a/b/c", expect("x")) == "done"
    assert sorted(path.name for path in root.rglob("*")) == ["a", "kept"]
    assert write(root, "a/b/c", None) == "done"
    assert write(root, "a/kept", expect("x")) == "done"
    assert list(root.iterdir()) == []
    assert root.exists()


def test_links_are_written_as_links_and_never_through(root, tmp_path):
    assert write(root, "link", None, ["120000", 5], b"a.txt") == "done"
    assert os.readlink(root / "link") == "a.txt"
    assert write(root, "link", expect("a.txt", "120000"), ["100644", 1], b"x") == "done"
    assert not (root / "link").is_symlink()
    (root / "out").symlink_to(tmp_path)
    assert "out is a link" in write(root, "out/owned", None, ["100644", 1], b"x")
    assert not (tmp_path / "owned").exists()
    assert write(root, "out", None, ["100644", 1], b"x") == "differs"


def test_what_git_cannot_hold_is_never_expected(root):
    os.mkfifo(root / "pipe")
    assert write(root, "pipe", expect("x"), ["100644", 1], b"x") == "differs"
    assert write(root, "pipe", None, ["100644", 1], b"x") == "differs"
    (root / "folder").mkdir()
    assert write(root, "folder", expect("x"), ["100644", 1], b"x") == "differs"


def test_a_request_that_ends_too_early_changes_nothing(root):
    (root / "a").write_text("old")
    assert "in the middle" in write(root, "a", expect("old"), ["100644", 9], b"new")
    assert (root / "a").read_text() == "old"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_files_belong_to_whom_the_folder_belongs(root):
    os.chown(root, 4321, 4322)
    write(root, "a/b", None, ["100644", 1], b"x")
    replica.exchange({"op": "mark", "marks": [{"root": str(root), "marker": {}}]}, io.BytesIO())
    owners = {(one.stat().st_uid, one.stat().st_gid) for one in (root / "a", root / "a/b")}
    assert owners == {(4321, 4322)}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_folder_that_is_made_belongs_to_whom_its_nearest_parent_does(tmp_path):
    os.chown(tmp_path, 4321, 4322)
    write(tmp_path / "x/y", "a", None, ["100644", 1], b"x")
    assert {(tmp_path / name).stat().st_uid for name in ("x", "x/y", "x/y/a")} == {4321}


def test_a_disk_without_hard_links_works_too(root, monkeypatch):
    def no_links(*_, **__):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(replica.os, "link", no_links)
    assert write(root, "a", None, ["100644", 1], b"x") == "done"
    assert write(root, "a", None, ["100644", 1], b"y") == "differs"
    assert (root / "a").read_text() == "x"


def test_the_marker_lies_beside_the_folder_and_knows_the_disk(root):
    request = {"op": "mark", "marks": [{"root": str(root), "marker": {"id": "x", "base": "y"}}]}
    for _ in range(2):
        answer, _ = replica.exchange(request, io.BytesIO())
        assert answer == {"modes": [True], "stale": []}
    assert sorted(path.name for path in root.parent.iterdir()) == [".dgops-src.json", "src"]
    assert (root.parent / ".dgops-src.json").read_text() == '{"id": "x", "base": "y", "modes": true}'


def test_an_empty_folder_makes_way_and_a_full_one_is_told(root):
    (root / "a/b/c").mkdir(parents=True)
    assert write(root, "a", None, ["100644", 1], b"x") == "done"
    (root / "b/c").mkdir(parents=True)
    (root / "b/c/kept").write_text("x")
    assert "a folder stands there" in write(root, "b", None, ["100644", 1], b"x")
    (root / "link").symlink_to("b")
    assert write(root, "link", None, ["100644", 1], b"x") == "differs"
    assert (root / "b/c/kept").exists()


def test_what_a_killed_agent_left_goes_when_it_is_old(root):
    names = {age: root / f".dgops-{age:032x}.part" for age in (60, 7200)}
    for age, path in names.items():
        path.write_text("half")
        os.utime(path, (time.time() - age, time.time() - age))
    (root / ".dgops-notes.part").write_text("nobody's")
    os.utime(root / ".dgops-notes.part", (0, 0))
    files = [{"root": str(root), "path": "a", "expect": None, "entry": ["100644", 1]}]
    assert replica.exchange({"op": "write", "files": files}, io.BytesIO(b"x"))[0] == {"results": ["done"]}
    assert sorted(path.name for path in root.iterdir()) == [names[60].name, ".dgops-notes.part", "a"]
