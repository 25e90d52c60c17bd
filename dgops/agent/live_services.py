"""What listens on a host: web servers, ComfyUI with its nodes, sshd."""

from __future__ import annotations

import glob
import json
import os
import re
import socket
from typing import Any, Dict, List, Tuple

Observation = Dict[str, Any]
SSHD_CONFIG = ("/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*.conf")
# /object_info describes every input of every node: some ten megabytes where many custom nodes are installed.
LARGEST = 64 << 20


def http(check: Dict[str, Any]) -> Observation:
    """Ask a URL on the host for its status."""
    status, reason, _ = _get(check["url"], 0)
    return {"status": status, "reason": reason} if reason else {"status": status}


def comfyui(check: Dict[str, Any]) -> Observation:
    """Ask a ComfyUI which node classes it has, and observe how many, and which of the wanted are missing.

    Its release and its device are what it says itself, empty where it says neither.
    """
    address = check["url"].rstrip("/")
    status, reason, body = _get(address + "/object_info", LARGEST)
    if status != 200:
        return {"status": status, "reason": reason}
    try:
        classes = json.loads(body)
    except ValueError:
        classes = None
    if not isinstance(classes, dict):
        return {"status": status, "reason": "/object_info is no list of nodes: is this ComfyUI?"}
    return {
        "status": status,
        "count": len(classes),
        "missing": [name for name in check.get("nodes") or [] if name not in classes],
        **_system(_get(address + "/system_stats", LARGEST)[2]),
    }


def _system(body: bytes) -> Observation:
    """Return the release and the first device that /system_stats names."""
    try:
        stats = json.loads(body)
        first = stats["devices"][0]
        return {"version": str(stats["system"]["comfyui_version"]), "device": str(first["name"])}
    except (ValueError, LookupError, TypeError):
        return {"version": "", "device": ""}


def port(check: Dict[str, Any]) -> Observation:
    """See whether something listens on a TCP port of the host's loopback."""
    with socket.socket() as attempt:
        attempt.settimeout(3)
        return {"open": attempt.connect_ex(("127.0.0.1", int(check["port"]))) == 0}


def sshd(check: Dict[str, Any]) -> Observation:
    """Read the banner of the sshd that let the caller in, else of the ports that its configuration names."""
    tried: List[int] = []
    for address, number in _doors(check):
        tried.append(number)
        said = _banner(address, number)
        if said.startswith("SSH-"):
            return {"port": number, "banner": said, "tried": tried}
    return {"port": None, "banner": "", "tried": tried}


def _get(url: str, largest: int) -> Tuple[Any, str, bytes]:
    """Return status, why there is none, and at most so many bytes of what was answered."""
    import http.client
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.status, "", reply.read(largest) if largest else b""
    except urllib.error.HTTPError as error:
        return error.code, "", b""
    except (OSError, http.client.HTTPException) as error:
        # The name of the exception where it says nothing itself, such as that of a connection that closed at once.
        return None, str(getattr(error, "reason", error)) or type(error).__name__, b""


def _doors(check: Dict[str, Any]) -> List[Tuple[str, int]]:
    if "port" in check:
        return [("127.0.0.1", int(check["port"]))]
    # Client's address and port, then the address and port on this side that it came to.
    caller = os.environ.get("SSH_CONNECTION", "").split()
    came = [(caller[2], int(caller[3]))] if len(caller) == 4 and caller[3].isdigit() else []
    return came + [("127.0.0.1", number) for number in _configured()]


def _configured() -> List[int]:
    found = []
    for pattern in SSHD_CONFIG:
        for path in sorted(glob.glob(pattern)):
            with open(path, errors="replace") as stream:
                found += [int(one) for one in re.findall(r"(?im)^\s*Port\s+(\d{1,5})\s*$", stream.read())]
    return found or [22]


def _banner(address: str, number: int) -> str:
    try:
        with socket.create_connection((address, number), timeout=3) as attempt:
            attempt.settimeout(3)
            return attempt.recv(255).split(b"\n")[0].decode(errors="replace").strip()
    except (OSError, OverflowError):
        return ""
