"""Offers and what runs on them."""

import pytest

from dgops.errors import UsageError
from dgops.pods import offers as room
from dgops.pods.models import GpuType

CARDS = [
    GpuType("NVIDIA GeForce RTX 5090", "RTX 5090", 32, 0.94, 0.69, {"EU-RO-1": "high"}),
    GpuType("NVIDIA GeForce RTX 4090", "RTX 4090", 24, 0.69, 0.34, {"EU-RO-1": "low", "US-KS-2": "high"}),
    GpuType("AMD Instinct MI300X OAM", "MI300X", 192, 2.49, 0.0, {"EU-RO-1": "low"}),
    GpuType("NVIDIA RTX A2000", "RTX A2000", 6, 0.0, 0.12, {"EU-RO-1": "high"}),
]


def test_cheapest_first_then_the_best_stocked():
    found = room.offers(CARDS)
    assert [(one.gpu.name, one.data_center) for one in found] == [
        ("RTX 4090", "US-KS-2"),
        ("RTX 4090", "EU-RO-1"),
        ("RTX 5090", "EU-RO-1"),
        ("MI300X", "EU-RO-1"),
    ]
    assert room.offers(CARDS, max_price=0.7) == found[:2]


def test_why_cu121_cannot_on_blackwell():
    found = {one.gpu.name: one for one in room.offers(CARDS, "cu121")}
    assert found["RTX 4090"].fits == ("cu121",)
    assert found["RTX 5090"].fits == ()
    assert "no code for sm_120" in found["RTX 5090"].verdicts[0].reason
    assert found["MI300X"].verdicts == ()


def test_all_profiles_but_cpu():
    fits = room.offers(CARDS)[0].fits
    assert {"cu121", "cu128"} <= set(fits)
    assert "cpu" not in fits


def test_names():
    assert [one.name for one in room.choose(CARDS, ["rtx 4090", "NVIDIA GeForce RTX 5090"])] == ["RTX 4090", "RTX 5090"]
    with pytest.raises(UsageError) as caught:
        room.choose(CARDS, ["RTX 4091"])
    assert "RTX 4090" in caught.value.hint
    with pytest.raises(UsageError):
        room.offers(CARDS, "cu999")
