"""Long answers by OpenSSH: whole, past no host key that is not pinned, ended where nothing comes."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from dgops.errors import HostKeyError, RemoteError, UnreachableError
from dgops.hosts.host import Host
from dgops.transport import agent, bulk

SIZE = 3_000_000


@pytest.fixture
def speaking(monkeypatch):
    """Return `speaking(program)`: what a shell on the host runs in the agent's place."""

    def be(program):
        monkeypatch.setattr(agent, "command_line", lambda command: ["sh", "-c", program, "sh", command])

    return be


def test_the_answer_and_what_follows(pod, settings, speaking):
    speaking(f'read line; echo \'{{"said": 1}}\'; echo "$1 $line"; head -c {SIZE} /dev/zero')
    pieces = []
    assert bulk.stream(pod, settings, "files", {"op": "x"}, pieces.append) == {"said": 1}
    head, _, rest = b"".join(pieces).partition(b"\n")
    assert head.startswith(b'files {"op": "x", "traceparent"')
    assert rest == bytes(SIZE)


def test_of_this_machine(settings, speaking):
    speaking("echo '{}'; printf abc")
    pieces = []
    assert bulk.stream(Host("here", "local"), settings, "files", {}, pieces.append) == {}
    assert b"".join(pieces) == b"abc"


@pytest.mark.parametrize(
    ("program", "error", "words"),
    [
        ("echo oh >&2; exit 7", RemoteError, "exit 7: oh"),
        ("exit 7", RemoteError, "exit 7"),
        ("true", RemoteError, "exit 0"),
        ("echo nonsense", RemoteError, "no JSON"),
        ("echo '[]'", RemoteError, "no JSON object"),
        ('echo \'{"error": "disk"}\'', RemoteError, "failed: disk"),
        ("head -c 100000 /dev/zero", RemoteError, "no end"),
        ("echo '{}'; printf abc; kill -9 $PPID", UnreachableError, "lost"),
    ],
)
def test_troubles_in_words(pod, settings, speaking, program, error, words):
    speaking(program)
    with pytest.raises(error, match=words):
        bulk.stream(pod, settings, "files", {}, lambda piece: None)


def test_silence_has_an_end(pod, settings, speaking, monkeypatch):
    monkeypatch.setattr(bulk, "IDLE_SECONDS", 1.0)
    speaking("echo '{}'; sleep 60")
    with pytest.raises(UnreachableError, match="nothing came for 1 s"):
        bulk.stream(pod, settings, "files", {}, lambda piece: None)


def test_another_key_is_not_believed(pod, settings, known_hosts, other_key, speaking):
    known_hosts.pin(pod.alias, [other_key])
    speaking("echo '{}'")
    with pytest.raises(HostKeyError):
        bulk.stream(pod, settings, "files", {}, lambda piece: None)


def test_what_the_sink_raises_ends_it_and_ssh(pod, settings, speaking):
    speaking("echo '{}'; cat /dev/zero")

    def full(piece):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        bulk.stream(pod, settings, "files", {}, full)
    # Of this process only: somebody else may be at work on this machine.
    argv = ["pgrep", "-P", str(os.getpid()), "-x", "ssh"]
    assert subprocess.run(argv, capture_output=True, timeout=10).stdout == b""


def test_ssh_runs_where_the_person_is(pod, settings, speaking, tmp_path, monkeypatch):
    """A key or a proxy that is named by a relative path is the one that `ssh -G` saw."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/login").write_bytes(pod.identity.read_bytes())
    (tmp_path / "keys/login").chmod(0o600)
    monkeypatch.chdir(tmp_path)
    speaking("echo '{}'")
    assert bulk.stream(replace(pod, identity=Path("keys/login")), settings, "files", {}, lambda piece: None) == {}


def test_this_machine_runs_it_at_home_without_the_callers_python(settings, speaking, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    speaking("echo '{}'; pwd; echo \"[$PYTHONPATH]\"")
    pieces = []
    bulk.stream(Host("here", "local"), settings, "files", {}, pieces.append)
    assert b"".join(pieces).decode().splitlines() == [str(Path.home()), "[]"]
