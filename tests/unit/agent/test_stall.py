"""A stall is judged by the command's own pace, and by a clock that no date moves."""

import pytest

from dgops.agent.stall import Watch


def seen(times, least, signs, looks):
    """Look at each moment; return the moments at which it was a stall."""
    watch = Watch(times, least, 0.0)
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
