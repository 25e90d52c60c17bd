"""What each trainer asks of torch."""

import pytest

from dgops.environments import trainers
from dgops.errors import UsageError


@pytest.mark.parametrize(
    ("trainer", "torch", "release"),
    [
        ("sd-scripts", "2.6.0", "v0.10.1"),
        ("sd-scripts", "2.5.1", "v0.9.1"),
        ("musubi", "2.5.1", "v0.3.4"),
        ("musubi", "2.4.1", None),
        ("ai-toolkit", "2.12.1", None),
        ("ai-toolkit", "2.13.0", "27a03a91"),
        ("ai-toolkit", "2.14.0", None),
        ("comfyui", "2.5.1", "0.3.64"),
    ],
)
def test_the_first_release_that_fits(trainer, torch, release):
    found = next((one.release for one in trainers.releases(trainer) if one.takes(torch)), None)
    assert found == release


def test_no_such_trainer():
    with pytest.raises(UsageError) as caught:
        trainers.releases("musubi-tuner")
    assert (caught.value.exit_code, caught.value.hint) == (2, "did you mean musubi?")
