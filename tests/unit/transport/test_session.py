"""A person's own session: OpenSSH with the pinned keys of a host, and no others."""

from pathlib import Path

from dgops import settings as settings_room
from dgops.hosts.host import Host
from dgops.transport import session

HOST = Host("pod", address="203.0.113.7", port=40022, user="root", identity=Path("/k"), variables={"runpod_id": "abc"})


def test_the_line(tmp_path):
    settings = settings_room.load(tmp_path, {"state": str(tmp_path / "state")})
    line = session.command_line(HOST, settings, ["echo", "a b"])
    assert line[-3:] == ["--", "203.0.113.7", "echo 'a b'"]
    assert {"HostKeyAlias=runpod-abc", "StrictHostKeyChecking=yes"} <= set(line)
    assert f"UserKnownHostsFile={tmp_path}/state/known_hosts" in line
    assert session.command_line(HOST, settings, [])[-1] == "203.0.113.7"


def test_its_exit_code_is_ours(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "command_line", lambda *_anything: ["sh", "-c", "exit 7"])
    assert session.run(HOST, settings_room.load(tmp_path), []) == 7
