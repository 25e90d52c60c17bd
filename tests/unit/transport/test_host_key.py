import paramiko
import pytest

from dgops.errors import HostKeyError
from dgops.transport.host_key import PinnedKeys


def order(pinned, sock):
    transport = PinnedKeys(None, "", pinned).transport(sock)
    try:
        return list(transport.get_security_options().key_types)
    finally:
        transport.close()


@pytest.fixture
def sock():
    import socket

    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours


def test_pinned_types_are_asked_for_first(sshd, sock):
    ed25519, rsa = sshd.keys
    assert order([rsa, ed25519], sock)[:3] == ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"]


def test_nothing_pinned_changes_nothing(sock):
    assert set(order([], sock)) == set(paramiko.Transport._preferred_keys)


def test_the_pinned_key_passes_and_another_does_not(sshd, other_key):
    key = paramiko.PKey.from_path(sshd.folder / "host_ed25519")
    host = sshd.host()
    assert PinnedKeys(host, "there", sshd.keys).missing_host_key(None, "", key) is None
    for pinned, words in (([], "no host key is pinned"), ([other_key], "not the pinned one")):
        with pytest.raises(HostKeyError, match=words):
            PinnedKeys(host, "there", pinned).missing_host_key(None, "", key)
