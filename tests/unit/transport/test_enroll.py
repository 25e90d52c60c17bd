import shlex

import pytest

from dgops.errors import DgopsError, UnreachableError, UsageError
from dgops.hosts import inventory, local_inventory
from dgops.transport import enroll
from dgops.transport.connect import connect
from dgops.transport.known_hosts import fingerprint

from .conftest import free_port


@pytest.fixture
def line(sshd):
    return f"ssh {sshd.user}@127.0.0.1 -p {sshd.port} -i {sshd.identity}"


def files(settings):
    places = (settings.state, settings.root / "inventories")
    return [path for place in places for path in place.rglob("*") if path.is_file()]


def test_added_and_used(settings, line, sshd):
    done = enroll.add(settings, "pod", line)
    assert (done.pinned, done.replaced, done.verified, done.changed) == (tuple(sshd.keys), (), False, True)
    host = inventory.load(settings).hosts["pod"]
    opened = connect(host, settings)
    assert opened.run(["echo", "in"]).text == "in\n"
    opened.close()
    assert enroll.add(settings, "pod", line).changed is False


def test_added_again_replaces_knowingly(settings, line, sshd, known_hosts, other_key):
    enroll.add(settings, "pod", line)
    known_hosts.pin("dgops-pod", [other_key])
    done = enroll.add(settings, "pod", line)
    assert done.replaced == (other_key,)
    assert known_hosts.keys("dgops-pod") == sshd.keys


def test_a_fingerprint_pins_only_its_key(settings, line, sshd, known_hosts):
    done = enroll.add(settings, "pod", line, fingerprint(sshd.keys[1]))
    assert done.verified
    assert known_hosts.keys("dgops-pod") == [sshd.keys[1]]


def test_a_wrong_fingerprint_writes_nothing(settings, line, other_key):
    with pytest.raises(DgopsError, match="no key that the host shows") as caught:
        enroll.add(settings, "pod", line, fingerprint(other_key))
    assert caught.value.exit_code == 1
    assert files(settings) == []


def test_a_host_that_is_down_writes_nothing(settings, sshd):
    with pytest.raises(UnreachableError, match="nothing was written"):
        enroll.add(settings, "pod", f"ssh root@127.0.0.1 -p {free_port()} -i {sshd.identity}")
    assert files(settings) == []


def test_a_listed_host_is_pinned_without_a_line(settings, line, sshd, known_hosts, other_key):
    local_inventory.write(settings, "lab", {"ansible_host": "127.0.0.1", "ansible_port": sshd.port})
    known_hosts.pin("dgops-lab", [other_key])
    done = enroll.pin_again(settings, "lab")
    assert (done.file, done.replaced, done.pinned) == (None, (other_key,), tuple(sshd.keys))
    with pytest.raises(UsageError, match="no host is named other yet"):
        enroll.pin_again(settings, "other")


def test_through_a_proxy_the_key_is_seen_too(settings, line, sshd, proxy_command):
    done = enroll.add(settings, "pod", f"{line} -o {shlex.quote(f'ProxyCommand={proxy_command}')}")
    assert done.pinned == (sshd.keys[0],)
    opened = connect(inventory.load(settings).hosts["pod"], settings)
    assert opened.run(["echo", "in"]).text == "in\n"
    opened.close()
