"""Reconcile: no edit is lost, whichever side made it; nothing unseen is concluded from."""

from hypothesis import given, settings
from hypothesis import strategies as some

from dgops.git.entry import Entry
from dgops.sync import reconcile

PATHS = some.sampled_from(["a", "b", "d/a", "d/b", "d/e/a", "f"])
ENTRIES = some.builds(Entry, some.sampled_from(["100644", "100755"]), some.sampled_from(["1" * 40, "2" * 40, "3" * 40]))
TREES = some.dictionaries(PATHS, ENTRIES)
STEADY = settings(derandomize=True, max_examples=150, deadline=None)


def applied(tree, changes, new):
    found = dict(tree)
    for one in changes:
        if one.kind == "D":
            del found[one.path]
        else:
            found[one.path] = new[one.path]
    return found


@STEADY
@given(TREES, TREES)
def test_changes_lead_from_one_to_the_other(old, new):
    found = reconcile.changes(old, new)
    assert applied(old, found, new) == new
    assert {one.path for one in found if one.kind == "A"} == new.keys() - old.keys()
    assert bool(found) == (old != new)


@STEADY
@given(TREES, TREES, TREES)
def test_the_two_sides_are_alike(base, home, host):
    one, other = reconcile.compare(base, home, host), reconcile.compare(base, host, home)
    assert (one.home, one.host, one.both, one.same) == (other.host, other.home, other.both, other.same)


@STEADY
@given(TREES, TREES, TREES)
def test_every_edit_is_somebodys_and_none_is_overlooked(base, home, host):
    sides = reconcile.compare(base, home, host)
    groups = [sides.home, sides.host, sides.both, sides.same]
    assert sum(map(len, groups)) == len(set().union(*groups))
    edits = {one.path for tree in (home, host) for one in reconcile.changes(base, tree)}
    assert edits == set().union(*groups)
    for path in sides.host:
        assert home.get(path) == base.get(path), "taking the host's side overwrites nothing of home's"
    for path in sides.home:
        assert host.get(path) == base.get(path), "sending home's side overwrites nothing of the host's"
    assert all(home.get(path) == host.get(path) for path in sides.same)
    assert (sides.word == "parity") == (home == host or set(sides.same) == edits)


@STEADY
@given(TREES, TREES, some.sets(some.sampled_from(["a", "d", "d/e", "f", "g"])))
def test_what_was_not_seen_is_not_deleted(base, seen, unseen):
    seen = {path: one for path, one in seen.items() if not reconcile.under(path, unseen)}
    found = reconcile.replica(base, seen, unseen)
    assert {path: found[path] for path in seen} == seen
    for path, entry in base.items():
        if reconcile.under(path, unseen):
            clash = reconcile.under(path, seen) or any(one.startswith(f"{path}/") for one in seen)
            assert clash or found[path] == entry
    assert found.keys() <= seen.keys() | base.keys()


def test_a_path_that_no_host_can_send_stays():
    odd = {"a\\b": Entry("100644", "1" * 40), "plain": Entry("100644", "1" * 40)}
    assert reconcile.replica(odd, {}, ()) == {"a\\b": odd["a\\b"]}


@STEADY
@given(TREES, TREES)
def test_executable_bits_come_from_the_base_where_a_side_has_none(base, seen):
    found = reconcile.with_modes(base, seen, held=False)
    assert {path: one.id for path, one in found.items()} == {path: one.id for path, one in seen.items()}
    assert all(one.mode == (base[path].mode if path in base else "100644") for path, one in found.items())
    assert reconcile.with_modes(base, seen, held=True) == seen


def tree(count, start=0):
    return {f"f{number}": Entry("100644", f"{number:040x}") for number in range(start, count)}


def test_more_than_a_fifth_is_too_many():
    assert not reconcile.too_many(reconcile.lost(tree(10), tree(10, 2)), 10)
    assert reconcile.too_many(reconcile.lost(tree(10), tree(10, 3)), 10)
    assert not reconcile.too_many((), 0)


def test_what_was_moved_is_not_lost():
    moved = {f"new/{path}": one for path, one in tree(10).items()}
    assert reconcile.lost(tree(10), moved) == ()
    assert (
        len(
            reconcile.lost(
                {"a": Entry("100644", "1" * 40), "b": Entry("100644", "1" * 40)}, {"c": Entry("100644", "1" * 40)}
            )
        )
        == 1
    )


def test_what_goes_goes_first():
    file, below = {"a": Entry("100644", "1" * 40)}, {"a/b": Entry("100644", "1" * 40)}
    assert [one.kind for one in reconcile.push_order(file, below)] == ["D", "A"]
    assert [one.kind for one in reconcile.push_order(below, file)] == ["D", "A"]


def test_within_is_by_whole_names():
    entries = {path: Entry("100644", "1" * 40) for path in ("a/b", "ab/c", "a")}
    assert set(reconcile.within(entries, ["a"])) == {"a/b"}


def test_saved_in():
    assert reconcile.saved_in({"f0": tree(1)["f0"]}, tree(3))
    assert not reconcile.saved_in({"f9": tree(10)["f9"]}, tree(3))
