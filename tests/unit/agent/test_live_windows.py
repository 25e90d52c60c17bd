"""Defender's state, as a powershell.exe tells it: this one is a script of ours."""

import json

import pytest

from dgops.agent import live_windows

GOOD = json.dumps({"AMRunningMode": "Normal", "RealTimeProtectionEnabled": True})


@pytest.fixture
def powershell(tmp_path):
    """Return `powershell(output, code=0)`: a program that answers so, and keeps its arguments in `asked`."""

    def make(output, code=0):
        (tmp_path / "said").write_bytes(output)
        path = tmp_path / "powershell.exe"
        path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/asked\ncat {tmp_path}/said\nexit {code}\n')
        path.chmod(0o755)
        return str(path)

    return make


def test_no_windows_beneath():
    assert live_windows.defender({}) == {"wsl": False}


@pytest.mark.parametrize(
    "output",
    [
        (GOOD + "\r\n").encode(),
        ("\r\n" + GOOD + "\r\n").encode("utf-16"),
        GOOD.encode("utf-16-le"),
        b"\xef\xbb\xbf" + GOOD.encode(),
    ],
    ids=["crlf", "utf-16 with a mark", "utf-16", "utf-8 with a mark"],
)
def test_whatever_windows_writes_in(powershell, output):
    assert live_windows.ask_defender(powershell(output)) == {"wsl": True, "realtime": True, "mode": "Normal"}


def test_off(powershell):
    off = b'{"AMRunningMode":"Not running","RealTimeProtectionEnabled":false}'
    assert live_windows.ask_defender(powershell(off))["realtime"] is False


def test_what_is_asked(powershell, tmp_path):
    live_windows.ask_defender(powershell(GOOD.encode()))
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[:3] == ["-NoProfile", "-NonInteractive", "-Command"]
    assert asked[3].startswith("Get-MpComputerStatus")


@pytest.mark.parametrize(
    ("output", "code", "reason"),
    [
        (b"Get-MpComputerStatus : The term is not recognized\r\n  + more\r\n", 1, "Get-MpComputerStatus : The term is"),
        (b"", 1, "powershell.exe: exit 1"),
        (b"[]", 0, "[]"),
        (b'{"AMRunningMode": 1}', 0, '{"AMRunningMode": 1}'),
    ],
)
def test_a_windows_that_does_not_say(powershell, output, code, reason):
    found = live_windows.ask_defender(powershell(output, code))
    assert found["realtime"] is None
    assert found["reason"].startswith(reason)


def test_a_windows_that_hangs(tmp_path, monkeypatch):
    monkeypatch.setattr(live_windows, "DEADLINE", 0.3)
    path = tmp_path / "powershell.exe"
    path.write_text("#!/bin/sh\nsleep 60\n")
    path.chmod(0o755)
    assert live_windows.ask_defender(str(path))["reason"] == "no answer within 0 s"


def test_no_powershell():
    assert "is C: mounted?" in live_windows.ask_defender("/nowhere/powershell.exe")["reason"]


def test_the_newest_socket_to_windows(tmp_path, monkeypatch):
    import os

    monkeypatch.setattr(live_windows, "SOCKETS", str(tmp_path / "*_interop"))
    assert live_windows._interop() == []
    for name, age in (("9_interop", 50), ("10_interop", 10), ("1_interop", 99)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    assert live_windows._interop() == ["env", f"WSL_INTEROP={tmp_path}/10_interop"]
