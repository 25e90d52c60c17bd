import pytest

from dgops.errors import UsageError
from dgops.sandbox.spec import HostSpec, check_specs


def test_good_names_pass():
    check_specs([HostSpec("pod"), HostSpec("a-1", "wsl", "trixie")])


@pytest.mark.parametrize("name", ["", "Pod", "1pod", "pod_2", "pod.2", "../x", "-x", "x" * 32, "pod 2"])
def test_a_name_is_small_letters_digits_and_hyphens(name):
    with pytest.raises(UsageError, match="cannot name a sandbox host"):
        check_specs([HostSpec(name)])


@pytest.mark.parametrize("name", ["pods", "wsl", "all", "ungrouped", "localhost"])
def test_a_groups_name_is_no_hosts(name):
    with pytest.raises(UsageError, match="inventory group"):
        check_specs([HostSpec(name)])


def test_every_mistake_is_named_at_once():
    with pytest.raises(UsageError) as caught:
        check_specs([HostSpec("UP", "vm"), HostSpec("ok", distro="sid")])
    assert [word in caught.value.message for word in ("'UP'", "'vm'", "'sid'")] == [True] * 3
