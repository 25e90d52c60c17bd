"""Parity: equal trees, and nothing that could not be looked at."""

from dgops.git.entry import Entry
from dgops.sync import parity

ONE, TWO = Entry("100644", "1" * 40), Entry("100644", "2" * 40)


def test_equal_trees_and_nothing_else():
    assert parity.judge({"a/b": ONE}, {"a/b": ONE}, ()).holds
    assert parity.judge({}, {}, ()).holds
    for other in ({}, {"a/b": TWO}, {"a/b": Entry("100755", "1" * 40)}, {"a/b": ONE, "a/c": ONE}, {"a/c": ONE}):
        assert not parity.judge({"a/b": ONE}, other, ()).holds


def test_what_was_not_seen_is_never_taken_for_equal():
    found = parity.judge({"a/b": ONE, "c": ONE}, {"a/b": ONE, "c": ONE}, {"a"})
    assert (found.holds, found.blind) == (False, ("a/b",))
    assert parity.judge({"c": ONE}, {"c": ONE}, {"a"}).holds, "home has nothing there"
