import shutil
import subprocess
from pathlib import Path

import pytest

from dgops import settings
from dgops.errors import ConfigError
from dgops.hosts import inventory

CASES = Path(__file__).parents[2] / "cases/hosts"


@pytest.fixture
def starts(monkeypatch):
    """Count how often ansible-inventory is started."""
    started = []
    run = subprocess.run

    def counted(argv, **options):
        started.append(argv)
        return run(argv, **options)

    monkeypatch.setattr("dgops.hosts.source.subprocess.run", counted)
    return started


def write(name, text, mode=0o644):
    path = Path("inventories") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def load():
    Path("dgops.toml").touch()
    return inventory.load(settings.load())


ONE = "---\nall:\n  children:\n    pods:\n      hosts:\n        pod: {ansible_host: 203.0.113.7, ansible_port: 2200}\n"


def test_a_host_is_what_its_inventory_says(starts):
    write("local/hosts.yml", ONE)
    write("local/group_vars/pods.yml", "ansible_user: seanf\ndgops_mode: fast-test\n")
    found = load()
    (host,) = found.select("pods")
    assert (host.name, host.address, host.port, host.user) == ("pod", "203.0.113.7", 2200, "seanf")
    assert (host.groups, host.mode, host.alias) == (("pods",), "fast-test", "dgops-pod")
    assert host.inventory == Path.cwd() / "inventories/local"
    assert found.groups["all"] == ("pod",)


def test_an_unchanged_inventory_is_not_asked_twice(starts):
    write("local/hosts.yml", ONE)
    first = load()
    assert load() == first
    assert len(starts) == 1
    write("local/host_vars/pod.yml", "ansible_port: 2201\n")
    assert load().hosts["pod"].port == 2201
    assert len(starts) == 2


def test_a_script_is_asked_each_time_and_remembered_for_completion(starts):
    script = '#!/bin/sh\necho \'{"_meta": {"hostvars": {"pod": {}}}, "all": {"hosts": ["pod"]}}\'\n'
    write("local/script", script, 0o755)
    assert list(inventory.remembered(settings.load()).hosts) == []
    assert list(load().hosts) == list(load().hosts) == ["pod"]
    assert len(starts) == 2
    assert list(inventory.remembered(settings.load()).hosts) == ["pod"]
    assert len(starts) == 2


def test_files_with_nothing_but_comments_wait_to_be_filled(starts):
    write("local/hosts.yml", "---\n# put your hosts here\n")
    write("local/README.md", "not an inventory")
    assert load().hosts == {}
    assert starts == []


def test_no_inventory_at_all_is_no_hosts():
    assert load().hosts == {}


def test_an_inventory_that_is_not_there_is_a_mistake():
    with pytest.raises(ConfigError, match="there is no such inventory"):
        inventory.load(settings.load(options={"inventory": ["/nowhere"]}))


def test_three_mistakes_are_told_at_once_with_file_and_line():
    shutil.copytree(CASES / "three_mistakes", "inventories/local")
    with pytest.raises(ConfigError) as caught:
        load()
    folder = Path.cwd() / "inventories/local"
    assert list(caught.value.problems) == [
        f"{folder}/group_vars/pods.yml:2: ansible_connection: "
        "'winrm' is no connection that dgops knows (fake, local, ssh)",
        f"{folder}/hosts.yml:8: ansible_port (pod): '22l13' is not a port (a whole number from 1 to 65535)",
        f"{folder}/hosts.yml:11: ansible_ssh_private_key_file (pod2): "
        "C:\\Users\\seanf\\.ssh\\id_ed25519 is a Windows path; here it is /mnt/c/Users/seanf/.ssh/id_ed25519",
    ]
    assert caught.value.exit_code == 2
    assert "3 mistakes" in caught.value.message


def test_broken_yaml_in_two_files_is_told_at_once():
    write("local/a.yml", "all: [\n")
    write("local/host_vars/b.yml", "x: 'open\n")
    with pytest.raises(ConfigError) as caught:
        load()
    assert [problem.split(": ")[0].rsplit("/", 1)[1] for problem in caught.value.problems] == ["a.yml:2", "b.yml:2"]


def test_a_key_that_ansible_would_skip_is_a_mistake():
    write("local/hosts.yml", "all:\n  hoosts:\n    pod:\n")
    with pytest.raises(ConfigError, match=r"Skipping unexpected key \(hoosts\)"):
        load()


def test_a_name_in_two_inventories_is_a_mistake():
    write("local/hosts.yml", ONE)
    write("sandbox/hosts.yml", ONE)
    with pytest.raises(ConfigError, match="pod is in two inventories"):
        load()


def test_groups_of_two_inventories_are_one():
    write("local/hosts.yml", ONE)
    write("sandbox/hosts.yml", ONE.replace("pod:", "pod2:"))
    assert load().groups["pods"] == ("pod2", "pod")
