"""One sync at a time: the next one waits, says so, and does not wait for ever."""

import pytest

from dgops.errors import BusyError
from dgops.git.repository import open_repository
from dgops.sync import lock


def test_the_second_is_told_and_gives_up(world):
    repository, said = open_repository(world.repo), []
    with lock.hold(repository, said.append):
        assert said == []
        with pytest.raises(BusyError), lock.hold(repository, said.append, patience=0.2):
            raise AssertionError("held twice")
        assert "another sync is at work" in said[0]
    with lock.hold(repository, said.append):
        assert len(said) == 1
