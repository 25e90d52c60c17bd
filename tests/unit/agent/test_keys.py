"""A key and its public half, with the real ssh-keygen."""

import json
import subprocess

import pytest

from dgops.agent import keys


def make(path, passphrase=""):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", path], check=True, timeout=60)
    return path


def look(path):
    return keys.key_pair({"path": str(path)})


@pytest.fixture
def key(tmp_path):
    return make(tmp_path / "key")


def test_a_pair(key):
    seen = look(key)
    assert seen["private"] == seen["public"]
    assert seen["private"].startswith("ssh-ed25519 ")
    assert not seen["guarded"]


def test_another_keys_public_half(key, tmp_path):
    make(tmp_path / "other").with_suffix(".pub").replace(tmp_path / "key.pub")
    seen = look(key)
    assert seen["public"] not in (None, seen["private"])


@pytest.mark.parametrize("size", [0, 200])
def test_half_a_key_is_none(key, size):
    key.write_bytes(key.read_bytes()[:size])
    seen = look(key)
    assert (seen["private"], seen["guarded"]) == (None, False)
    assert seen["said"]


def test_a_passphrase(tmp_path):
    seen = look(make(tmp_path / "key", "secret"))
    assert (seen["private"], seen["guarded"]) == (None, True)


def test_none(tmp_path):
    assert look(tmp_path / "key") == {"exists": False}


def test_no_public_half(key):
    key.with_suffix(".pub").unlink()
    assert look(key)["public"] is None


def test_nothing_secret_is_told(key):
    secret = [line for line in key.read_text().splitlines() if "KEY" not in line]
    told = json.dumps(look(key))
    assert not any(line in told for line in secret)
