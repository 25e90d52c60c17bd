import shlex
from pathlib import Path

import pytest
import yaml

from dgops.sandbox import inventory
from dgops.sandbox.layout import Layout
from dgops.sandbox.records import Record
from dgops.sandbox.spec import HostSpec


@pytest.fixture
def layout(tmp_path):
    state = tmp_path / "state"
    return Layout("0a0a0a0a", state / "sandbox", tmp_path / "inventories/sandbox", state / "known_hosts", tmp_path)


def test_hosts_stand_in_their_groups_and_are_held_to_their_pins(layout):
    records = [Record(HostSpec("pod"), port=4001), Record(HostSpec("win", "wsl"), port=4002)]
    inventory.write(layout, records)
    written = yaml.safe_load((layout.inventory / "hosts.yml").read_text())["all"]["children"]["sandbox"]
    assert written["vars"]["dgops_mode"] == "fast-test"
    written = written["children"]
    assert list(written["pods"]["hosts"]) == ["pod"]
    pod, win = written["pods"]["hosts"]["pod"], written["wsl"]["hosts"]["win"]
    assert (pod["ansible_port"], pod["ansible_user"], pod["persistent_root"]) == (4001, "root", "/workspace")
    assert (win["ansible_port"], win["ansible_user"]) == (4002, "wsluser")
    assert "persistent_root" not in win
    options = pod["ansible_ssh_common_args"]
    for option in ("HostKeyAlias=dgops-pod", "StrictHostKeyChecking=yes", "GlobalKnownHostsFile=/dev/null"):
        assert f"-o {option}" in options


def test_a_folder_with_a_space_survives_both_splits():
    spaced = Layout("0a", Path("/a b/sandbox"), Path("/a b/i"), Path("/a b/known_hosts"), Path("/c"))
    line = inventory.variables(spaced, Record(HostSpec("pod"), port=1))["ansible_ssh_common_args"]
    assert 'UserKnownHostsFile="/a b/known_hosts"' in shlex.split(line)


def test_only_an_inventory_of_ours_is_removed(layout):
    inventory.write(layout, [])
    inventory.remove(layout)
    assert not layout.inventory.exists()
    layout.inventory.mkdir(parents=True)
    (layout.inventory / "hosts.yml").write_text("mine: {}\n")
    inventory.remove(layout)
    assert (layout.inventory / "hosts.yml").is_file()
