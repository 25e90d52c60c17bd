import pytest

from dgops.errors import UsageError
from dgops.training import trainer


def test_a_name_that_is_none_is_answered_with_near_ones():
    with pytest.raises(UsageError, match="no trainer is known as 'sdscripts'") as caught:
        trainer.get("sdscripts")
    assert caught.value.hint == "did you mean sd-scripts?"
