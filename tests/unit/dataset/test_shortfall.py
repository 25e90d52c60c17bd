"""Too few images: where they went and what to do."""

import pytest

from dgops.dataset import shortfall, tally
from dgops.dataset.manifest import Item, Manifest
from dgops.dataset.shortfall import ShortfallError


def lost(*reasons):
    items = tuple(Item(f"i{number}", "i.jpg", reason=reason) for number, reason in enumerate(reasons))
    return Manifest("02_crop", 1, "f", {}, items, {})


BEFORE = [lost("", "", "no face", "no face", "two faces")]


@pytest.mark.parametrize(("count", "target"), [(1, None), (70, 100), (100, 100), (7, 10), (21, 30), (1, 1)])
def test_enough(count, target):
    shortfall.judge(count, target, BEFORE)


@pytest.mark.parametrize(("count", "target"), [(0, None), (0, 1), (69, 100), (20, 30), (6, 9)])
def test_too_few(count, target):
    with pytest.raises(ShortfallError, match=r"02_crop +5 → 2 +2 no face, 1 two faces") as caught:
        shortfall.judge(count, target, BEFORE)
    assert "upright frontal faces" in caught.value.hint


def test_the_message_says_how_many_were_asked_for():
    with pytest.raises(ShortfallError, match="20 images left; 30 were asked for and 21 are the least"):
        shortfall.judge(20, 30, BEFORE)
    with pytest.raises(ShortfallError, match="no image is left; at least 1 is needed"):
        shortfall.judge(0, None, BEFORE)


@pytest.mark.parametrize("reason", ["two faces", "many faces", "blurred", "duplicate", "not an image", "whatever else"])
def test_there_is_always_something_to_do(reason):
    with pytest.raises(ShortfallError) as caught:
        shortfall.judge(0, None, [lost(reason)])
    assert caught.value.hint


def test_tally_counts_the_most_frequent_first():
    assert tally.in_words(tally.reasons(BEFORE[0].items)) == "2 no face, 1 two faces"
    assert tally.in_and_out(BEFORE[0]) == ("5 → 2", "2 no face, 1 two faces")
    assert tally.in_words({}) == ""
