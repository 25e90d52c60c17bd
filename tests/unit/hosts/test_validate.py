from pathlib import Path

import pytest

from dgops.hosts.source import Listing
from dgops.hosts.validate import Reader

WRONG = {
    "ansible_port": [0, 65536, "x", True, 1.5, "²"],
    "ansible_host": ["-oProxyCommand=x", "a b", "C:\\x", "{{ somewhere }}", ""],
    "ansible_user": ["-l", "a b", "{{ lookup('env', 'USER') }}"],
    "ansible_ssh_private_key_file": ["/nowhere", "C:Usersx", "\\\\wsl$\\Debian\\home\\x"],
    "ansible_connection": ["winrm", "docker", ""],
    "ansible_ssh_common_args": ["-o 'open"],
    "persistent_root": ["relative", "C:\\data"],
    "dgops_secrets": ["HF_TOKEN", ["PATH", "A B"], "{{ tokens }}"],
}


def read(variables):
    problems = []
    listing = Listing(Path.cwd(), {"pod": variables}, {"all": ("pod",)})
    (host,) = Reader(listing, Path.cwd(), problems).hosts()
    return host, problems


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in WRONG.items() for value in values])
def test_what_is_wrong_is_named_by_its_key(key, value):
    _, problems = read({key: value})
    assert len(problems) == 1
    assert f"{key} (pod): " in problems[0]


def test_what_is_right_passes(tmp_path):
    (tmp_path / "key").touch()
    host, problems = read(
        {
            "ansible_host": "2001:db8::1",
            "ansible_port": "2200",
            "ansible_user": "DOMAIN\\seanf",
            "ansible_ssh_private_key_file": str(tmp_path / "key"),
            "ansible_connection": "ansible.builtin.ssh",
            "persistent_root": "{{ somewhere }}",
            "dgops_secrets": ["HF_TOKEN"],
        }
    )
    assert problems == []
    assert (host.port, host.connection, host.identity) == (2200, "ssh", tmp_path / "key")


def test_the_old_names_count():
    host, problems = read({"ansible_ssh_host": "h", "ansible_ssh_port": 2200, "ansible_ssh_user": "u"})
    assert (host.address, host.port, host.user, problems) == ("h", 2200, "u", [])


@pytest.mark.parametrize("name", ["a b", "a:b", "a,b", "!a", "{{ a }}", "../x", "-x", "a*"])
def test_a_name_that_a_pattern_reads_otherwise(name):
    problems = []
    listing = Listing(Path.cwd(), {name: {}}, {"all": (name,)})
    list(Reader(listing, Path.cwd(), problems).hosts())
    assert len(problems) == 1
    assert "cannot name a host" in problems[0]


@pytest.mark.parametrize("name", ["pod", "DeadlyLinux_002", "pod-1.example", "größe"])
def test_a_name_that_is_fine(name):
    problems = []
    list(Reader(Listing(Path.cwd(), {name: {}}, {"all": (name,)}), Path.cwd(), problems).hosts())
    assert problems == []
