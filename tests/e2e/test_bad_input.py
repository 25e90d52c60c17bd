"""What goes wrong with hosts: the message that a person sees, the exit code, and nothing half-done."""

import signal
import time

import pytest
from place import Place
from soak import SOAK

from dgops.sandbox import hosts

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    found = Place(tmp_path_factory.mktemp("bad"))
    yield found
    found.down()


@pytest.fixture
def bare(place):
    """A bare pod for one test."""
    place.up("bare")
    yield place
    hosts.remove("bare", place.settings)


def refusal(place, code, *words, host="bare", outcome=None):
    """Deploy in text and in JSON, and check exit code, words, and that no contract was written."""
    done = place.dgops("deploy", "--host", host)
    text = done.stdout + done.stderr
    assert done.returncode == code, text
    for word in words:
        assert word in text, text
    assert "Traceback" not in text
    assert not (place.root / f".dgops/contracts/{host}.json").exists()
    if outcome:
        again, found = place.json("deploy", "--host", host)
        assert (again, found["hosts"][host]["outcome"]) == (code, outcome)
        assert found["hosts"][host]["first_failure"]["message"]
    return text


def test_no_host_named(place):
    done = place.dgops("deploy")
    assert done.returncode == 2
    assert "--host" in done.stderr


def test_unknown_host(bare):
    refusal(bare, 2, "no host or group is named bar", "did you mean bare?", host="bar")


def test_unknown_role(bare):
    done = bare.dgops("deploy", "--host", "bare", "--role", "git_ss")
    assert done.returncode == 2
    assert "did you mean git_ssh?" in done.stderr


def test_host_down(bare):
    hosts.stop("bare", bare.settings)
    refusal(bare, 3, "bare", outcome="unreachable")


def test_changed_host_key(bare):
    bare.on("bare", "rm /etc/ssh/ssh_host_*; ssh-keygen -A; kill -HUP $(cat /run/sshd.pid)")
    refusal(bare, 3, "key", "SHA256:", "hosts add", outcome="unreachable")


def test_wrong_key(bare):
    bare.on("bare", "true > /root/.ssh/authorized_keys")
    refusal(bare, 3, "id_ed25519", outcome="unreachable")


def test_python_missing(bare):
    bare.on("bare", "mv /usr/bin/python3 /usr/bin/python3.away")
    refusal(bare, 3, "python3 is missing", "apt-get install -y python3", outcome="unreachable")


def test_no_sudo(place):
    place.up("nosudo", kind="wsl")
    try:
        view = next(one for one in hosts.listed(place.settings) if one.name == "nosudo")
        done = place.run(*view.ssh, "sudo sh -c 'rm -f /etc/sudoers.d/*; sed -i /NOPASSWD/d /etc/sudoers'")
        assert done.returncode == 0, done.stderr
        refusal(place, 3, "password", "NOPASSWD", host="nosudo", outcome="unreachable")
    finally:
        hosts.remove("nosudo", place.settings)


def test_no_network_on_the_host(bare):
    bare.on("bare", "ip route del default; echo nameserver 127.0.0.1 > /etc/resolv.conf")
    text = refusal(bare, 1, "base: ", "hint", outcome="failed")
    assert "resolv" in text or "Unable to connect" in text or "unreachable" in text


def test_windows_path_in_the_inventory(place):
    folder = place.root / "windows"
    folder.mkdir()
    (folder / "hosts.yml").write_text(
        "all:\n  hosts:\n    pod:\n      ansible_host: 127.0.0.1\n"
        "      ansible_ssh_private_key_file: 'C:\\Users\\seanf\\.ssh\\id_rsa'\n"
    )
    done = place.dgops("--inventory", str(folder), "deploy", "--host", "pod")
    assert done.returncode == 2
    assert "/mnt/c/Users/seanf/.ssh/id_rsa" in done.stderr


def test_an_inventory_with_three_mistakes(place):
    folder = place.root / "three"
    folder.mkdir()
    (folder / "hosts.yml").write_text(
        "all:\n  hosts:\n    a:\n      ansible_port: many\n    b:\n      ansible_connection: telnet\n"
        "    c:\n      ansible_ssh_private_key_file: /no/such/key\n"
    )
    done = place.dgops("--inventory", str(folder), "deploy", "--host", "a")
    assert done.returncode == 2
    assert "3 mistakes" in done.stderr
    for word in ("ansible_port", "ansible_connection", "/no/such/key", "hosts.yml"):
        assert word in done.stderr


def test_full_disk_on_the_host(place):
    place.up("full", small={"/home": "8m"})
    try:
        # The same in JSON takes a second deploy, and says what it says of any role that fails.
        again = {"outcome": "failed"} if SOAK else {}
        text = refusal(place, 1, "No space left on device", "free some disk space", " failed ", host="full", **again)
        assert "python_env" in text
    finally:
        hosts.remove("full", place.settings)


def wait_for(process, word, seconds=120):
    """Read a process's progress until a word shows up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        line = process.stderr.readline()
        if word in line:
            return
        assert line or process.poll() is None, "it ended too early"
    raise AssertionError(f"{word!r} did not show up")


def test_two_at_once_and_a_killed_one(bare):
    first = bare.start("deploy", "--host", "bare")
    wait_for(first, "looked")
    second = bare.dgops("deploy", "--host", "bare")
    assert second.returncode == 1
    assert "is deploying to bare" in second.stdout + second.stderr
    assert "ends by itself in" in second.stdout + second.stderr
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=30)
    assert not (bare.root / ".dgops/contracts/bare.json").exists()
    third = bare.dgops("deploy", "--host", "bare")
    assert "is deploying to bare" in third.stdout + third.stderr, "the lease of a killed one lasts its time"
    deadline = time.monotonic() + 90
    while "is deploying to bare" in third.stdout + third.stderr:
        assert time.monotonic() < deadline
        time.sleep(5)
        third = bare.dgops("deploy", "--host", "bare")
    assert third.returncode == 0, third.stderr
    assert bare.dgops("health", "--host", "bare").returncode == 0


def test_an_interrupted_one_frees_the_lease_at_once(bare):
    first = bare.start("deploy", "--host", "bare")
    wait_for(first, "looked")
    first.send_signal(signal.SIGINT)
    _, words = first.communicate(timeout=60)
    assert first.returncode == 130, words
    second = bare.start("deploy", "--host", "bare")
    wait_for(second, "looked")
    second.send_signal(signal.SIGTERM)
    second.communicate(timeout=60)
    assert second.returncode == 130
