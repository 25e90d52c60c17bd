"""A stall is judged by the command's own pace, and by a clock that no date moves."""

import pytest

from dgops.agent.stall import Watch


def seen(times, least, signs, looks, from_start=False):
    """Look at each moment; return the moments at which it was a stall."""
    watch = Watch(times, least, 0.0, from_start)
    return [clock for clock in looks if watch.look(clock, max([0.0, *(one for one in signs if one <= clock)]))]


EVERY = range(1, 200)


@pytest.mark.parametrize(
    ("times", "least", "signs", "first"),
    [
        (5, 1, range(50), 55),
        (5, 60, range(50), 110),
        (5, 1, range(0, 50, 3), 64),
        (5, 1, [], None),
        (5, 1, [1, 2, 3], None),
        (5, 1, range(200), None),
        (20, 1, range(0, 100, 2), 139),
    ],
)
def test_many_times_the_median_step(times, least, signs, first):
    found = seen(times, least, signs, EVERY)
    assert (found[0] if found else None) == first


def test_it_goes_on():
    found = seen(3, 1, [*range(20), *range(60, 80)], EVERY)
    assert [found[0], found[-1]] == [23, 199]
    assert not set(found) & set(range(60, 83))


def test_a_machine_that_stood_still_is_no_stall():
    assert seen(3, 1, range(20), [*range(20), 500, 501]) == []


@pytest.mark.parametrize(
    ("signs", "first"),
    [([], 31), ([1, 2, 3], 34), (range(0, 50, 10), 71), (range(4), 34), (range(50), 80), (range(200), None)],
)
def test_one_that_hangs_before_it_has_a_pace(signs, first):
    """A trainer that is stuck at its start has printed nothing, or a line or two."""
    found = seen(5, 30, signs, EVERY, from_start=True)
    assert (found[0] if found else None) == first


def test_a_pace_is_told_only_where_there_is_one():
    watch = Watch(5, 1, 0.0)
    assert watch.pace() == ""
    for clock in range(8):
        watch.look(clock, clock)
    assert watch.pace() == ", a step takes 1.0 s"
