"""A changed host key at each door: every way in that there is refuses it, says so, and opens again when told to."""

import pytest
from place import BIN, Place

from dgops.transport.known_hosts import KnownHosts, fingerprint

pytestmark = pytest.mark.e2e

NEW_KEYS = "rm /etc/ssh/ssh_host_*; ssh-keygen -A; kill -HUP $(cat /run/sshd.pid)"
OPENSSH = "REMOTE HOST IDENTIFICATION HAS CHANGED"
OURS = "the host key is not the pinned one"


def ssh_config(place):
    return str(place.root / ".dgops/ssh/config")


def transport(place):
    program = (
        "from dgops import settings; from dgops.hosts import inventory; from dgops.transport.connect import connect; "
        "from dgops.errors import DgopsError; import sys\n"
        "found = settings.load()\n"
        "try: print(connect(inventory.load(found).hosts['pod'], found).run(['echo', 'in']).text)\n"
        "except DgopsError as error: print(error.message, error.hint); sys.exit(error.exit_code)"
    )
    return place.run(BIN / "python", "-c", program)


def openssh(place):
    return place.run("ssh", "-F", ssh_config(place), "pod", "echo in")


def ansible(place):
    inventory = place.root / "inventories/sandbox"
    # A ControlMaster of an earlier run would be a way in without any key exchange.
    place.env["ANSIBLE_SSH_ARGS"] = "-o ControlMaster=no"
    return place.run(BIN / "ansible", "-i", inventory, "pod", "-m", "ansible.builtin.raw", "-a", "echo in")


def fanout(place):
    return place.dgops("hosts", "exec", "--host", "pod", "--", "echo", "in")


def health(place):
    return place.dgops("health", "--host", "pod")


def rsync(place):
    argv = ["rsync", "-e", f"ssh -F {ssh_config(place)}", "pod:/etc/hostname", "in"]
    return place.run(*argv)


def git(place):
    place.env["GIT_SSH_COMMAND"] = f"ssh -F {ssh_config(place)}"
    return place.run("git", "ls-remote", "pod:/root/in.git")


# door: what it says to a changed key, and its exit code then
DOORS = {
    transport: (OURS, 3),
    fanout: (OURS, 3),
    openssh: (OPENSSH, 255),
    ansible: (OPENSSH, 4),
    # Whether it sees its ssh end or fall silent first is chance.
    rsync: (OPENSSH, 255, 12),
    git: (OPENSSH, 128),
}


@pytest.fixture(scope="module")
def place(stock, tmp_path_factory):
    found = Place(tmp_path_factory.mktemp("doors"))
    try:
        stock.give(found)
        found.on("pod", "git init -q --bare /root/in.git")
        assert found.dgops("hosts", "ssh-config", "--write").returncode == 0
        yield found
    finally:
        found.down()


@pytest.fixture(scope="module")
def before(place):
    """What each door does while the key is the pinned one."""
    return {door: door(place) for door in DOORS}


@pytest.fixture(scope="module")
def changed(place, before):
    """What each door does when the host shows new keys; the keys pinned for it, and those it has."""
    pinned = KnownHosts(place.settings.state / "known_hosts").keys("dgops-pod")
    place.on("pod", NEW_KEYS)
    return {door: door(place) for door in DOORS}, pinned


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_open_to_the_pinned_key(before, door):
    assert before[door].returncode == 0, before[door].stderr


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_shut_to_another_key(changed, door):
    done = changed[0][door]
    words, *codes = DOORS[door]
    assert done.returncode in codes, done.stdout + done.stderr
    assert words in done.stdout + done.stderr
    assert "in\n" not in done.stdout


@pytest.mark.parametrize("door", [transport, fanout], ids=lambda door: door.__name__)
def test_our_doors_show_both_keys_and_both_reasons(changed, door):
    done = changed[0][door]
    text = done.stdout + done.stderr
    assert f"pinned   ssh-ed25519 {fingerprint(changed[1][0])}" in text
    assert "offered  ssh-ed25519 SHA256:" in text
    assert "a pod makes new keys" in text
    assert "somebody stands in between" in text
    assert "dgops hosts add pod --fingerprint SHA256:" in text


def test_health_counts_it_as_unreachable(place, changed):
    done = health(place)
    assert done.returncode == 3, done.stdout + done.stderr
    assert OURS in done.stdout + done.stderr


def test_a_wrong_fingerprint_replaces_nothing(place, changed):
    done = place.dgops("hosts", "add", "pod", "--fingerprint", fingerprint(changed[1][0]))
    assert done.returncode == 1
    assert "no key that the host shows has the fingerprint" in done.stderr
    assert KnownHosts(place.settings.state / "known_hosts").keys("dgops-pod") == changed[1]


def test_replaced_knowingly_every_door_opens_again(place, changed):
    offered = transport(place).stdout.split("offered  ssh-ed25519 ")[1].split()[0]
    done = place.dgops("hosts", "add", "pod", "--fingerprint", offered)
    assert done.returncode == 0, done.stderr
    assert f"was  ssh-ed25519 {fingerprint(changed[1][0])}" in done.stdout
    assert f"now  ssh-ed25519 {offered}" in done.stdout
    assert {door.__name__: door(place).returncode for door in DOORS} == dict.fromkeys(
        (door.__name__ for door in DOORS), 0
    )
