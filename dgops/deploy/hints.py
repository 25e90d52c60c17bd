"""Hints for failures that people meet again and again: what to try next."""

from __future__ import annotations

import re

HINTS = (
    (
        r"No space left on device|Disk quota exceeded",
        "free some disk space on the host (df -h), then deploy again",
    ),
    (r"Read-only file system", "the file system is read-only: look at dmesg and mount on the host"),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verif",
        "a proxy signs the traffic: put its certificate into ca_certificates__files, then deploy again",
    ),
    (
        r"Temporary failure (in name resolution|resolving)|Could not resolve|Name or service not known",
        "the host resolves no names: check its network and /etc/resolv.conf, then deploy again",
    ),
    (
        r"Network is unreachable|No route to host|Connection timed out|Unable to connect",
        "the host reaches no package source: check its network, then deploy again",
    ),
    (
        r"Could not get lock|is held by process|locked by another process",
        "another apt is at work on the host: wait for it, then deploy again",
    ),
    (
        r"do not match the hashes|[Hh]ash mismatch|HASH MISMATCH",
        "a downloaded file is not what the lock names: delete it from the wheel cache, then deploy again",
    ),
    (
        r"sudo: a password is required|Missing sudo password",
        "give the login user NOPASSWD sudo, or log in as root",
    ),
    (r"Permission denied \(publickey", "add the host's public key at the forge: dgops deploy prints it"),
)


def hint_for(text: str) -> str:
    """Return the hint of the first known cause in text, or an empty string."""
    return next((hint for pattern, hint in HINTS if re.search(pattern, text)), "")
