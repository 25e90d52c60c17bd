import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from dgops.errors import BusyError, DgopsError, UnreachableError
from dgops.transport import known_hosts as room
from dgops.transport.known_hosts import common_args, fingerprint, normal, scan


def test_a_pin_replaces_what_the_alias_had(known_hosts, sshd, other_key):
    known_hosts.pin("dgops-a", sshd.keys)
    known_hosts.pin("dgops-b", [other_key])
    known_hosts.pin("dgops-a", [f"{other_key} with a comment"])
    assert known_hosts.keys("dgops-a") == known_hosts.keys("dgops-b") == [other_key]
    known_hosts.forget("dgops-a")
    known_hosts.forget("dgops-a")
    assert known_hosts.keys("dgops-a") == []
    assert known_hosts.path.stat().st_mode & 0o777 == 0o600


def test_pins_at_once_lose_nothing(known_hosts, other_key):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: known_hosts.pin(f"dgops-{number}", [other_key]), range(40)))
    assert all(known_hosts.keys(f"dgops-{number}") == [other_key] for number in range(40))


def test_a_held_lock_is_told(known_hosts, other_key, monkeypatch):
    monkeypatch.setattr(room, "LOCK_SECONDS", 0.1)
    with known_hosts._locked(), pytest.raises(BusyError, match="another dgops"):
        known_hosts.pin("dgops-a", [other_key])


def test_openssh_reads_the_file_and_agrees_on_fingerprints(known_hosts, sshd):
    known_hosts.pin("dgops-a", sshd.keys)
    argv = ["ssh-keygen", "-l", "-F", "dgops-a", "-f", str(known_hosts.path)]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert all(fingerprint(key) in told for key in sshd.keys)


@pytest.mark.parametrize("text", ["", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-rsa !!!", "one two three"])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(DgopsError, match="not a public host key"):
        normal(text)


def test_scan_finds_the_keys_strongest_first(sshd):
    assert scan("127.0.0.1", sshd.port, 5) == sshd.keys


def test_scan_says_why_it_found_nothing(monkeypatch):
    with pytest.raises(UnreachableError, match="refuses connections"):
        scan("127.0.0.1", 1, 2)
    with pytest.raises(UnreachableError, match=r"no address is known for nowhere\.invalid"):
        scan("nowhere.invalid", 22, 2)


def test_arguments_for_ansible_survive_a_blank_in_the_path(tmp_path):
    text = common_args("dgops-a", tmp_path / "a folder" / "known_hosts")
    assert f"""'UserKnownHostsFile="{tmp_path}/a folder/known_hosts"'""" in text
    assert "HostKeyAlias=dgops-a" in text
    assert "StrictHostKeyChecking=yes" in text
