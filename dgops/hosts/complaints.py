"""What ansible-inventory complains about, reduced to the one sentence per file that tells."""

from __future__ import annotations

import re

FAILED = re.compile(r"Failed to parse inventory with '(\w+)' plugin: (.+)")
GAVE_UP = re.compile(r"Completely failed to parse inventory source (.+)")
# Ansible goes on after these, without the hosts that the mistaken key was to hold.
SKIPPED = re.compile(r"\[WARNING\]: (?:\* )?(Skipping .*)")
TYPE_NAME = re.compile(r"\"?<class '[\w.]*?(?:_AnsibleTagged)?(\w+)'>\"?")


def reason(text: str) -> str:
    """Return why no plugin could read a file; each of them complains, one of them was meant."""
    gave_up = GAVE_UP.search(text)
    complaints: dict[str, str] = dict(FAILED.findall(text))
    if gave_up and complaints:
        file = gave_up[1].strip()
        return f"{file}: {_plain(complaints[_meant(file, complaints)])}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("ERROR", "[ERROR]"))]
    return (telling or lines or ["ansible-inventory failed and said nothing"])[0]


def skipped(text: str) -> list[str]:
    """Return what Ansible passed over with a warning."""
    return list(dict.fromkeys(SKIPPED.findall(text)))


def _meant(file: str, complaints: dict[str, str]) -> str:
    if "script" in complaints:
        return "script"
    if "auto" in complaints and "no root 'plugin' key" not in complaints["auto"]:
        return "auto"
    if "yaml" in complaints and file.endswith((".yml", ".yaml")):
        return "yaml"
    return "ini" if "ini" in complaints else next(iter(complaints))


def _plain(complaint: str) -> str:
    return TYPE_NAME.sub(lambda match: match[1].lower(), complaint)
