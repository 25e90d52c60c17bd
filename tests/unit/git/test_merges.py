"""Merges in memory, whatever history says, and the way of a tree into a work tree that somebody uses."""

import pytest

from dgops.git import merges
from dgops.git.entry import Entry
from dgops.git.repository import GitError
from dgops.git.trees import build_tree


def tree(repository, onto="HEAD", **files):
    entries = {
        name.replace("_", "."): Entry("100644", repository.text("hash-object", "-w", "--stdin", stdin=text.encode()))
        for name, text in files.items()
    }
    return build_tree(repository, onto, entries)


LINES = "1\n2\n3\n4\n5\n6\n7\n8\n"


def test_both_sides_come_together_where_they_parted(repository):
    base = merges.commit_tree(repository, tree(repository, a_txt=LINES), ["HEAD"], "base")
    ours = tree(repository, base, a_txt=LINES.replace("2", "ours"))
    theirs = tree(repository, base, a_txt=LINES.replace("7", "theirs"))
    merge = merges.three_way(repository, base, ours, theirs)
    assert merge.conflicts == ()
    assert repository.text("show", f"{merge.tree}:a.txt").split() == ["1", "ours", "3", "4", "5", "6", "theirs", "8"]
    clash = merges.three_way(repository, base, ours, tree(repository, base, a_txt=LINES.replace("2", "theirs")))
    assert clash.conflicts == ("a.txt",)


def test_a_rebased_branch_has_its_edits_once(repository):
    """The base is no longer part of the branch's history; what it holds is."""
    base = merges.commit_tree(repository, tree(repository, a_txt="before\n"), ["HEAD"], "base")
    rebased = tree(repository, a_txt="before\n", c_txt="c\n")
    theirs = tree(repository, base, a_txt="after\n")
    merge = merges.three_way(repository, base, rebased, theirs)
    assert merge.conflicts == ()
    assert repository.text("show", f"{merge.tree}:a.txt") == "after"


def test_a_work_tree_is_touched_only_where_it_is_clean(repository):
    head = repository.text("rev-parse", "HEAD")
    new = tree(repository, a_txt="new\n", c_txt="c\n")
    (repository.folder / "sub/b.txt").write_text("mine\n")
    assert merges.overlap(repository, head, new) == ()
    (repository.folder / "a.txt").write_text("mine\n")
    (repository.folder / "c.txt").write_text("mine\n")
    assert merges.overlap(repository, head, new) == ("a.txt", "c.txt")
    with pytest.raises(GitError):
        merges.check_out(repository, head, new)
    assert (repository.folder / "a.txt").read_text() == "mine\n"
    for name, text in (("a.txt", "new\n"), ("c.txt", "c\n")):
        (repository.folder / name).write_text(text)
    assert merges.overlap(repository, head, new, settle=False) == ()
    assert repository.text("diff", "--cached", "--name-only") == ""
    assert merges.overlap(repository, head, new) == ()
    merges.check_out(repository, head, new)
    assert repository.text("write-tree") == new
    assert (repository.folder / "sub/b.txt").read_text() == "mine\n"


def test_a_staged_edit_is_an_edit(repository):
    (repository.folder / "a.txt").write_text("staged\n")
    repository.run("add", "a.txt")
    (repository.folder / "a.txt").write_text("a\n")
    assert merges.overlap(repository, "HEAD", tree(repository, a_txt="new\n")) == ("a.txt",)


def test_a_file_that_was_only_touched_is_clean(repository):
    (repository.folder / "a.txt").touch()
    assert merges.overlap(repository, "HEAD", tree(repository, a_txt="new\n")) == ()
