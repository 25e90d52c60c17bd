"""The key and git's configuration, with the real ssh-keygen and git in a home of the test's own."""

import json
import os
import subprocess
import sys

import pytest

PLAIN = {"key": "", "comment": "dgops-pod", "agent": False, "forge": "github.com", "owner": "", "check": False}


@pytest.fixture
def home(tmp_path):
    made = tmp_path / "home"
    (made / ".ssh").mkdir(mode=0o700)
    return made


@pytest.fixture
def settle(home):
    def run(**asked):
        env = {**os.environ, "HOME": str(home)}
        env.pop("GIT_CONFIG_GLOBAL", None)
        told = json.dumps({**PLAIN, **asked})
        argv = [sys.executable, "-m", "dgops.agent", "git_ssh"]
        done = subprocess.run(argv, input=told, env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def git(home, *argv):
    argv = ["git", "config", "--global", *argv]
    return subprocess.run(argv, env={**os.environ, "HOME": str(home)}, capture_output=True, text=True).stdout.strip()


def test_a_key_is_made_once(home, settle):
    first = settle()
    key = home / ".ssh/id_ed25519"
    assert first["made"]
    assert first["key"] == str(key)
    assert first["public"].startswith("ssh-ed25519 ")
    assert first["public"].endswith(" dgops-pod")
    assert key.stat().st_mode & 0o777 == 0o600
    assert git(home, "core.sshCommand") == f"ssh -i {key} -o IdentitiesOnly=yes"
    again = settle()
    assert (again["changed"], again["made"], again["public"]) == ([], False, first["public"])


def test_an_rsa_key_that_is_there_is_used(home, settle):
    key = home / ".ssh/id_rsa"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", key], check=True, timeout=60)
    key.with_suffix(".pub").unlink()
    seen = settle()
    assert not seen["made"]
    assert seen["key"] == str(key)
    assert seen["public"].startswith("ssh-rsa "), "derived where the file is gone"
    assert not (home / ".ssh/id_ed25519").exists()


def test_a_key_that_is_open_to_others_is_closed(home, settle):
    settle()
    (home / ".ssh/id_ed25519").chmod(0o644)
    assert settle()["changed"] == [f"closed {home}/.ssh/id_ed25519 to others"]
    assert settle()["changed"] == []


def test_half_a_key_of_a_killed_run_is_made_whole(home, settle):
    (home / ".ssh/id_ed25519.new").touch()
    (home / ".ssh/id_ed25519.pub").write_text("of a key that never was\n")
    assert settle()["public"].endswith(" dgops-pod")


def test_only_the_owner_is_rewritten_and_an_earlier_one_is_taken_back(home, settle):
    settle(owner="walshderek")
    assert git(home, "url.git@github.com:walshderek/.insteadOf") == "https://github.com/walshderek/"
    git(home, "core.editor", "vim")
    settle(owner="other")
    assert git(home, "url.git@github.com:walshderek/.insteadOf") == ""
    assert git(home, "url.git@github.com:other/.insteadOf") == "https://github.com/other/"
    settle()
    assert git(home, "--get-regexp", "url.*") == ""
    assert git(home, "core.editor") == "vim"
    assert settle()["changed"] == []


def test_a_look_changes_nothing(home, settle):
    seen = settle(owner="walshderek", check=True)
    assert [words.split(" ")[0] for words in seen["changed"]] == [
        "made",
        "core.sshCommand",
        "url.git@github.com:walshderek/.insteadOf",
        "dgops.rewritten",
    ]
    assert list((home / ".ssh").iterdir()) == []
    assert not (home / ".gitconfig").exists()


def test_a_forwarded_agent_needs_no_key(home, settle):
    seen = settle(agent=True)
    assert seen["public"] is None
    assert git(home, "core.sshCommand") == "ssh"
    assert list((home / ".ssh").iterdir()) == []


def test_a_broken_key_is_moved_aside_and_another_made(home, settle):
    first = settle()
    key = home / ".ssh/id_ed25519"
    half = key.read_bytes()[:200]
    key.write_bytes(half)
    seen = settle()
    assert seen["made"]
    assert seen["public"] != first["public"]
    (aside,) = [path for path in home.glob(".ssh/*.broken-*") if path.suffix != ".pub"]
    assert aside.read_bytes() == half
    assert settle()["changed"] == []


def test_a_key_with_a_passphrase_is_left_as_it_is(home, settle):
    key = home / ".ssh/id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", key], check=True, timeout=60)
    before = key.read_bytes()
    assert not settle()["made"]
    assert key.read_bytes() == before


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_text("ssh-ed25519 AAAA x\n")])
def test_the_public_half_is_the_keys_own(home, settle, spoil):
    first = settle()
    public = home / ".ssh/id_ed25519.pub"
    spoil(public)
    seen = settle()
    assert seen["changed"] == [f"wrote {public}"]
    assert seen["public"].split()[:2] == first["public"].split()[:2]
    assert settle()["changed"] == []


def test_a_note_of_ours_that_somebody_altered(home, settle):
    settle(owner="walshderek")
    git(home, "dgops.rewritten", "planted")
    settle(owner="walshderek")
    assert git(home, "dgops.rewritten") == "github.com walshderek"
