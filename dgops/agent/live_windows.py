"""What Windows says to a WSL distro: the state of its virus scanner."""

from __future__ import annotations

import glob
import json
import os
import platform
from typing import Any, Dict, List

from dgops.agent import observe

Observation = Dict[str, Any]
POWERSHELL = "/mnt/c/Windows/System32/WindowsPowerShell/v1.0/powershell.exe"
SOCKETS = "/run/WSL/*_interop"
# Starting PowerShell and its Defender module takes seconds, on a busy Windows many.
DEADLINE = 20.0
ASKED = "Get-MpComputerStatus | Select-Object AMRunningMode,RealTimeProtectionEnabled | ConvertTo-Json -Compress"


def defender(check: Dict[str, Any]) -> Observation:
    """Ask Windows whether Defender's real-time protection is on; `wsl` is false where there is no Windows beneath."""
    del check
    if "microsoft" not in platform.release().lower():
        return {"wsl": False}
    return ask_defender(POWERSHELL)


def ask_defender(powershell: str) -> Observation:
    """Ask by this powershell.exe."""
    if not os.path.exists(powershell):
        return {"wsl": True, "realtime": None, "reason": "no {}: is C: mounted?".format(powershell)}
    argv = [powershell, "-NoProfile", "-NonInteractive", "-Command", ASKED]
    returncode, output = observe.run([*_interop(), *argv], None, DEADLINE)
    return _read(returncode, output)


def _interop() -> List[str]:
    """Return the words that let sshd's sessions start Windows programs: the newest socket to Windows, by name."""
    sockets = sorted(glob.glob(SOCKETS), key=os.path.getmtime)
    return ["env", "WSL_INTEROP=" + sockets[-1]] if sockets else []


def _read(returncode: int, output: str) -> Observation:
    # Windows may answer in UTF-16; what is wanted of it is ASCII, with a NUL behind each character.
    text = output.replace("\0", "").strip()
    begin, end = text.find("{"), text.rfind("}")
    try:
        answer = json.loads(text[begin : end + 1])
        return {"wsl": True, "realtime": bool(answer["RealTimeProtectionEnabled"]), "mode": answer.get("AMRunningMode")}
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        lines = text.splitlines() or ["powershell.exe: exit {}".format(returncode)]
        reason = "no answer within {:.0f} s".format(DEADLINE) if returncode == 124 else lines[0]
        return {"wsl": True, "realtime": None, "reason": reason}
