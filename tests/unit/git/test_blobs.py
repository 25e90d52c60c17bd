"""Contents: what attributes make of a file, there and back; what is ignored."""

import os

import pytest

from dgops.git import blobs
from dgops.git.entry import Entry, blob_id
from dgops.git.trees import read_tree


def commit(repository, **files):
    for name, text in files.items():
        (repository.folder / name.replace("__", "/").replace("_dot_", ".")).write_bytes(text.encode())
    repository.run("add", "-A", "-f")
    repository.run("commit", "-qm", "more")


def test_what_is_there(repository):
    assert blobs.existing(repository, [blob_id(b"a\n"), "1" * 40, repository.text("rev-parse", "HEAD")]) == {
        blob_id(b"a\n")
    }
    assert blobs.existing(repository, []) == set()
    assert blobs.read_blob(repository, blobs.write_blob(repository, b"\r\n\0")) == b"\r\n\0"


def test_conversions_come_from_the_commit_and_the_configuration(repository):
    commit(repository, _dot_gitattributes="*.bat eol=crlf\n*.bin -text\n")
    paths = ["x.bat", "x.bin", "x.txt"]
    assert blobs.conversions(repository, "HEAD", paths) == {"x.bat": "eol=crlf"}
    assert blobs.conversions(repository, "HEAD~", paths) == {}
    repository.run("config", "core.autocrlf", "input")
    assert set(blobs.conversions(repository, "HEAD", paths)) == {"x.bat", "x.txt"}


def test_files_are_added_as_git_add_would_and_checked_out_as_git_would(repository, tmp_path):
    commit(repository, _dot_gitattributes="*.bat text eol=crlf\n*.up filter=up\n", x_dot_bat="a\n", x_dot_up="abc\n")
    repository.run("config", "filter.up.clean", "tr A-Z a-z")
    repository.run("config", "filter.up.smudge", "tr a-z A-Z")
    place = tmp_path / "files"
    place.mkdir()
    (place / "x.bat").write_bytes(b"b\r\n")
    (place / "x.up").write_bytes(b"NEW\n")
    (place / "plain").write_bytes(b"p\r\n")
    ids = blobs.add_files(repository, "HEAD", place, ["x.bat", "x.up", "plain"])
    assert ids == {"x.bat": blob_id(b"b\n"), "x.up": blob_id(b"new\n"), "plain": blob_id(b"p\r\n")}
    entries = {path: one for path, one in read_tree(repository, "HEAD").items() if path.startswith("x.")}
    assert blobs.checked_out(repository, "HEAD", entries) == {"x.bat": b"a\r\n", "x.up": b"ABC\n"}


def test_attributes_that_arrive_convert_nothing(repository, tmp_path):
    place = tmp_path / "files"
    place.mkdir()
    (place / ".gitattributes").write_bytes(b"* text\n")
    (place / "x").write_bytes(b"a\r\n")
    ids = blobs.add_files(repository, "HEAD", place, [".gitattributes", "x"])
    assert ids == {".gitattributes": blob_id(b"* text\n"), "x": blob_id(b"a\r\n")}


def test_links_give_their_target(repository):
    os.symlink("a.txt", repository.folder / "link")
    commit(repository)
    entry = read_tree(repository, "HEAD")["link"]
    assert blobs.checked_out(repository, "HEAD", {"link": entry}) == {"link": b"a.txt"}
    assert entry == Entry("120000", blob_id(b"a.txt"))


def test_what_is_ignored(repository):
    commit(repository, _dot_gitignore="*.log\nbuild/\n", sub__kept_dot_log="x")
    asked = ["sub/kept.log", "x/build/", "x/build", "x/build/deep/a", "a.txt", "none.txt"]
    assert blobs.ignored(repository, asked) == {"sub/kept.log", "x/build/", "x/build/deep/a"}
    os.symlink("sub", repository.folder / "link")
    assert blobs.ignored(repository, ["link/a.log", "b.log"]) == {"b.log"}
    assert blobs.ignored(repository, []) == set()


def test_what_suits_the_machine_at_home_does_not_go_to_a_host(repository):
    repository.run("config", "core.autocrlf", "true")
    repository.run("config", "core.eol", "crlf")
    entries = {"a.txt": read_tree(repository, "HEAD")["a.txt"]}
    assert blobs.checked_out(repository, "HEAD", entries) == {"a.txt": b"a\n"}
    commit(repository, _dot_gitattributes="a.txt text\n")
    assert blobs.checked_out(repository, "HEAD", entries) == {"a.txt": b"a\n"}


@pytest.mark.parametrize("count", [1, 99, 300])
@pytest.mark.parametrize("dry", [False, True])
def test_many_blobs_at_once(repository, tmp_path, count, dry):
    contents = [b"", b"blob\ndata 3\nabc\n", b"\0\n", *(f"{number}\n".encode() for number in range(count))]
    (tmp_path / "objects").mkdir()
    there = repository.quarantined(tmp_path / "objects") if dry else repository
    blobs.write_blobs(there, contents)
    ids = {blob_id(content) for content in contents}
    assert blobs.existing(there, ids) == ids
    assert blobs.read_blob(there, blob_id(contents[1])) == contents[1]
    assert not dry or blobs.existing(repository, ids - {blob_id(b"")}) == set()
    assert not list((repository.folder / ".git").glob("fast_import_crash_*"))


def test_no_blobs_at_all(repository):
    blobs.write_blobs(repository, [])
