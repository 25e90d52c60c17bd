"""Names of pods, here and there."""

import pytest

from dgops.errors import UsageError
from dgops.pods import names
from dgops.pods.models import Pod


def test_find_by_id_then_by_our_name_then_by_any():
    ours, theirs = Pod("1", "dgops-pod", "RUNNING"), Pod("2", "pod", "RUNNING")
    assert names.matching([theirs, ours], "pod") == [ours]
    assert names.matching([theirs], "pod") == [theirs]
    assert names.matching([theirs, ours], "2") == [theirs]
    assert names.matching([theirs, ours], "none") == []


def test_none_and_two(double, provider):
    with pytest.raises(UsageError, match="no pod is called pod"):
        names.chosen(provider.pods(), "pod")
    first, second = double.rent(), double.rent()
    with pytest.raises(UsageError, match="2 pods are called pod"):
        names.chosen(provider.pods(), "pod")
    assert names.chosen(provider.pods(), first).id != second


@pytest.mark.parametrize("name", ["", "Pod", "a b", "../x", "-a", "a" * 60])
def test_what_is_no_name(name):
    with pytest.raises(UsageError):
        names.remote(name)
