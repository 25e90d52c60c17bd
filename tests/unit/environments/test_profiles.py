"""The profiles' data: whole, each fact with its source, and what follows from it."""

import pytest

from dgops.environments import profiles
from dgops.errors import UsageError


@pytest.mark.parametrize("profile", profiles.load(), ids=lambda one: one.name)
def test_every_fact_has_a_source(profile):
    facts = {"packages", "driver", "own_driver", "architectures", "rank"}
    assert set(profile.sources) == facts
    assert all(isinstance(text, str) and text for text in profile.sources.values())
    assert profile.index == f"https://download.pytorch.org/whl/{profile.name}"
    assert "torch" in profile.packages
    assert profile.own_driver >= profile.driver
    assert list(profile.architectures) == sorted(profile.architectures)


def test_which_there_are_in_the_order_that_recommends():
    assert [one.name for one in profiles.load()] == ["cu124", "cu128", "cu126", "cu130", "cu121", "cpu"]


def test_cu121_ends_with_torch_2_5_1():
    assert profiles.get("cu121").pins == {
        "torch": "torch==2.5.1+cu121",
        "torchvision": "torchvision==0.20.1+cu121",
        "torchaudio": "torchaudio==2.5.1+cu121",
        "xformers": "xformers==0.0.28.post3",
    }


@pytest.mark.parametrize(
    ("profile", "capability", "code"),
    [
        ("cu121", (8, 9), (8, 6)),  # Ada runs Ampere's code
        ("cu121", (6, 1), (6, 0)),
        ("cu121", (12, 0), None),  # no code of another major number
        ("cu128", (12, 0), (12, 0)),
        ("cu128", (6, 1), None),  # Pascal was left out
        ("cu128", (7, 0), (7, 0)),
        ("cu130", (7, 0), None),  # CUDA 13 left Volta out
        ("cu130", (10, 3), (10, 0)),
    ],
)
def test_code_for_a_gpu(profile, capability, code):
    assert profiles.get(profile).code_for(capability) == code


def test_no_such_profile():
    with pytest.raises(UsageError) as caught:
        profiles.get("cu12")
    assert "cu12" in caught.value.hint
