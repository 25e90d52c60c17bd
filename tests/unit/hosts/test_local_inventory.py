import pytest

from dgops import settings
from dgops.errors import ConfigError, UsageError
from dgops.hosts import local_inventory
from dgops.hosts.host import Host
from dgops.hosts.inventory import Inventory

CONNECTION = {"ansible_host": "203.0.113.7", "ansible_port": 2200, "ansible_user": None}


@pytest.fixture
def place(tmp_path):
    (tmp_path / "dgops.toml").touch()
    return settings.load()


def test_writes_once(place):
    assert local_inventory.write(place, "pod", CONNECTION) is True
    assert local_inventory.write(place, "pod", CONNECTION) is False
    assert "ansible_user" not in local_inventory.entry(place, "pod").read_text()


def test_what_a_person_added_is_kept_and_what_connects_is_replaced(place):
    local_inventory.write(place, "pod", CONNECTION | {"ansible_user": "root"})
    path = local_inventory.entry(place, "pod")
    path.write_text(path.read_text() + "      persistent_root: /workspace\n")
    local_inventory.write(place, "pod", CONNECTION | {"ansible_port": 2201})
    text = path.read_text()
    assert 'persistent_root: "/workspace"' in text
    assert "2201" in text
    assert "root\n" not in text


def test_a_file_that_is_no_hosts_file_is_not_overwritten(place):
    path = local_inventory.entry(place, "pod")
    path.parent.mkdir(parents=True)
    path.write_text("something: else\n")
    with pytest.raises(ConfigError, match=r"pod\.yml"):
        local_inventory.write(place, "pod", CONNECTION)
    assert path.read_text() == "something: else\n"


@pytest.mark.parametrize("name", ["", "../x", "a/b", "-x", ".x", "a b", "x.yml", "all", "hosts", "pods", "x" * 64])
def test_names_that_cannot_be(place, name):
    inventory = Inventory({}, {"pods": ()})
    with pytest.raises(UsageError):
        local_inventory.check_name(name, place, inventory)


def test_a_name_of_another_inventory_is_refused_with_the_other_way(place, tmp_path):
    inventory = Inventory({"pod": Host("pod", inventory=tmp_path / "inventories/sandbox")}, {})
    with pytest.raises(UsageError, match="already a host of") as caught:
        local_inventory.check_name("pod", place, inventory)
    assert caught.value.hint.endswith("dgops hosts add pod")


def test_a_host_written_by_hand_is_not_doubled(place):
    inventory = Inventory({"pod": Host("pod", inventory=local_inventory.folder(place))}, {})
    with pytest.raises(UsageError, match="by hand"):
        local_inventory.check_name("pod", place, inventory)
    local_inventory.write(place, "pod", CONNECTION)
    local_inventory.check_name("pod", place, inventory)
