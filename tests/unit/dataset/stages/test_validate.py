"""The better of two alike stays, whoever came first."""

from dgops.dataset.manifest import Item
from dgops.dataset.stages.validate import drop_alike


def item(name, bits, width=100, sharpness=50.0, sha="", reason=""):
    facts = {"phash": f"{bits:016x}", "width": width, "height": 100, "sharpness": sharpness}
    return Item(name, name, sha or name, reason=reason, facts=facts)


def reasons(*items):
    return [one.reason for one in drop_alike(list(items), 8)]


def test_more_pixels_win():
    assert reasons(item("a", 0), item("b", 1, width=200)) == ["near duplicate", ""]


def test_then_sharpness_then_order():
    assert reasons(item("a", 0), item("b", 1, sharpness=60.0)) == ["near duplicate", ""]
    assert reasons(item("a", 0), item("b", 1)) == ["", "near duplicate"]


def test_equal_bytes_are_called_so():
    assert reasons(item("a", 0, sha="x"), item("b", 0, sha="x")) == ["", "duplicate"]


def test_eight_bits_are_alike_and_nine_are_not():
    assert reasons(item("a", 0), item("b", 0xFF)) == ["", "near duplicate"]
    assert reasons(item("a", 0), item("b", 0x1FF)) == ["", ""]


def test_a_chain_keeps_its_ends():
    """What is like a rejected image but not like a kept one stays."""
    assert reasons(item("a", 0), item("b", 0xFF), item("c", 0xFFFF)) == ["", "near duplicate", ""]


def test_rejected_images_are_no_reason_to_reject_others():
    assert reasons(item("a", 0, width=900, reason="blurred"), item("b", 0)) == ["blurred", ""]


def test_nothing_at_all():
    assert drop_alike([], 8) == []


def test_the_twin_is_named():
    assert drop_alike([item("a", 0), item("b", 3)], 8)[1].detail == "of a, 2 of 64 bits differ"
