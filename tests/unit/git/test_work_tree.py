"""A work tree where another tree is to come: what would be lost, and what has arrived already."""

import os

import pytest

from dgops.git import work_tree
from dgops.git.entry import LINK, PROGRAM, Entry, blob_id
from dgops.git.repository import GitError
from dgops.git.trees import build_tree, differing


@pytest.fixture
def new(repository):
    """A tree where sub is a file, a.txt a program, link a link, and deep/er is new."""
    blob = repository.text("hash-object", "-w", "--stdin", stdin=b"new\n")
    target = repository.text("hash-object", "-w", "--stdin", stdin=b"a.txt")
    entries = {
        "sub/b.txt": None,
        "sub": Entry("100644", blob),
        "a.txt": Entry(PROGRAM, blob),
        "link": Entry(LINK, target),
        "deep/er": Entry("100644", blob),
    }
    return build_tree(repository, "HEAD", entries)


IGNORED = {"sub/x.pyc": "sub/x.pyc", "sub/deep/x.pyc": "sub/deep/x.pyc", "link": "link", "deep": "deep"}


@pytest.mark.parametrize("path", IGNORED)
def test_ignored_files_are_in_the_way_although_git_would_take_them_away(repository, new, path):
    (repository.folder / ".git/info/exclude").write_text("*.pyc\nlink\ndeep\n")
    (repository.folder / path).parent.mkdir(parents=True, exist_ok=True)
    (repository.folder / path).write_text("nobody else has it\n")
    for settle in (False, True):
        assert work_tree.overlap(repository, "HEAD", new, settle=settle) == (IGNORED[path],)
    assert (repository.folder / path).read_text() == "nobody else has it\n"
    (repository.folder / path).unlink()
    assert work_tree.overlap(repository, "HEAD", new) == ()


def arrive(repository, *paths):
    """Do part of a check-out by hand."""
    folder = repository.folder
    if "sub/b.txt" in paths:
        (folder / "sub/b.txt").unlink()
        (folder / "sub").rmdir()
    for path in {"sub", "a.txt"} & set(paths):
        (folder / path).write_text("new\n")
        (folder / path).chmod(0o755 if path == "a.txt" else 0o644)
    if "link" in paths:
        os.symlink("a.txt", folder / "link")
    if "deep/er" in paths:
        (folder / "deep").mkdir()
        (folder / "deep/er").write_text("new\n")


STEPS = ["sub/b.txt", "a.txt", "deep/er", "link", "sub"]


@pytest.mark.parametrize("count", range(len(STEPS) + 1))
def test_a_check_out_that_was_cut_off_is_gone_on_with(repository, new, count):
    head = repository.text("rev-parse", "HEAD")
    arrive(repository, *STEPS[:count])
    status = repository.text("status", "--porcelain")
    assert work_tree.overlap(repository, head, new, settle=False) == ()
    assert repository.text("status", "--porcelain") == status
    assert work_tree.overlap(repository, head, new) == ()
    work_tree.check_out(repository, head, new)
    assert repository.text("write-tree") == new
    assert repository.text("diff", "--name-only") == ""


def test_what_is_not_quite_what_comes_has_not_arrived(repository, new):
    coming = {path: entry for path, (_, entry) in differing(repository, "HEAD", new).items()}
    arrive(repository, *STEPS)
    assert work_tree.arrived(repository, coming).keys() == coming.keys()
    (repository.folder / "a.txt").chmod(0o644)
    (repository.folder / "link").unlink()
    os.symlink("elsewhere", repository.folder / "link")
    (repository.folder / "deep/er").write_text("other\n")
    assert work_tree.arrived(repository, coming).keys() == {"sub", "sub/b.txt"}
    repository.run("config", "core.fileMode", "false")
    assert "a.txt" in work_tree.arrived(repository, coming)


def test_what_only_the_index_holds_is_not_overwritten(repository):
    (repository.folder / "a.txt").write_text("staged\n")
    repository.run("add", "a.txt")
    (repository.folder / "a.txt").write_text("new\n")
    entry = Entry("100644", blob_id(b"new\n"))
    assert work_tree.arrived(repository, {"a.txt": entry}) == {}


def tree(repository, onto="HEAD", **files):
    entries = {
        name.replace("_", "."): Entry("100644", repository.text("hash-object", "-w", "--stdin", stdin=text.encode()))
        for name, text in files.items()
    }
    return build_tree(repository, onto, entries)


def test_a_work_tree_is_touched_only_where_it_is_clean(repository):
    head = repository.text("rev-parse", "HEAD")
    new = tree(repository, a_txt="new\n", c_txt="c\n")
    (repository.folder / "sub/b.txt").write_text("mine\n")
    assert work_tree.overlap(repository, head, new) == ()
    (repository.folder / "a.txt").write_text("mine\n")
    (repository.folder / "c.txt").write_text("mine\n")
    assert work_tree.overlap(repository, head, new) == ("a.txt", "c.txt")
    with pytest.raises(GitError):
        work_tree.check_out(repository, head, new)
    assert (repository.folder / "a.txt").read_text() == "mine\n"
    for name, text in (("a.txt", "new\n"), ("c.txt", "c\n")):
        (repository.folder / name).write_text(text)
    assert work_tree.overlap(repository, head, new, settle=False) == ()
    assert repository.text("diff", "--cached", "--name-only") == ""
    assert work_tree.overlap(repository, head, new) == ()
    work_tree.check_out(repository, head, new)
    assert repository.text("write-tree") == new
    assert (repository.folder / "sub/b.txt").read_text() == "mine\n"


def test_a_staged_edit_is_an_edit(repository):
    (repository.folder / "a.txt").write_text("staged\n")
    repository.run("add", "a.txt")
    (repository.folder / "a.txt").write_text("a\n")
    assert work_tree.overlap(repository, "HEAD", tree(repository, a_txt="new\n")) == ("a.txt",)


def test_a_file_that_was_only_touched_is_clean(repository):
    (repository.folder / "a.txt").touch()
    assert work_tree.overlap(repository, "HEAD", tree(repository, a_txt="new\n")) == ()
