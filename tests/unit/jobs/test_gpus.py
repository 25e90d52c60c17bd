"""GPUs as people write them."""

import pytest

from dgops.jobs.gpus import Gpus, gpus_from


@pytest.mark.parametrize(
    ("text", "gpus"), [("1", Gpus(1)), ("64", Gpus(64)), ("id:0", Gpus(ids=(0,))), ("id:2,0", Gpus(ids=(2, 0)))]
)
def test_gpus(text, gpus):
    assert gpus_from(text) == gpus


@pytest.mark.parametrize("text", ["", "0", "-1", "65", "one", "0,2", "id:", "id:0,0", "id:0,x", "id:64", "1.5", "²"])
def test_no_gpus(text):
    with pytest.raises(ValueError, match=r"GPU|count"):
        gpus_from(text)
