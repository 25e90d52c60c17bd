"""Merges in memory, whatever history says."""

from dgops.git import merges
from dgops.git.entry import Entry
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
