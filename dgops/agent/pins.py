"""A lock: a hashed requirements file, and which of its lines hold for this Python."""

from __future__ import annotations

import os
import platform
import re
import sys
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, Iterator, List, Optional, Tuple

LINE = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*==\s*([^\s;]+)\s*(?:;(.*))?$")


@dataclass(frozen=True)
class Pin:
    """One line of a lock that applies to this Python; hashes are written `sha256:` and hexadecimal digits."""

    name: str
    version: str
    hashes: FrozenSet[str]

    @property
    def line(self) -> str:
        """The requirement as pip and uv read it."""
        return "{}=={} {}".format(self.name, self.version, " ".join("--hash=" + one for one in sorted(self.hashes)))


def locked(text: str) -> Dict[str, Pin]:
    """Return name → Pin of the lines of a lock whose marker holds here; what is no pin is passed over."""
    return {pin.name: pin for marker, pin in _lines(text) if applies(marker)}


def everywhere(text: str) -> List[Pin]:
    """Return every pin of a lock, whatever Python and platform its marker asks for."""
    return [pin for _, pin in _lines(text)]


def _lines(text: str) -> Iterator[Tuple[Optional[str], Pin]]:
    for entry in text.replace("\\\n", " ").splitlines():
        words = entry.split("#", 1)[0].split("--hash=")
        match = LINE.match(words[0].strip())
        if match:
            hashes = frozenset(word.strip() for word in words[1:])
            yield match.group(3), Pin(canonical(match.group(1)), match.group(2), hashes)


def applies(marker: Optional[str]) -> bool:
    """Judge the few environment markers that universal locks use: Python's version, platform and system."""
    if not marker:
        return True
    return any(all(_clause(part) for part in either.split(" and ")) for either in marker.strip().split(" or "))


def canonical(name: str) -> str:
    """Return a distribution's name in its normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _clause(text: str) -> bool:
    match = re.match(r"\(?\s*(\w+)\s*(==|!=|<=|>=|<|>)\s*['\"]([^'\"]+)['\"]\s*\)?$", text.strip())
    if not match:
        return True
    key, operator, value = match.groups()
    here: Any = {
        "python_version": "{}.{}".format(*sys.version_info),
        "python_full_version": platform.python_version(),
        "sys_platform": sys.platform,
        "platform_system": platform.system(),
        "platform_machine": platform.machine(),
        "implementation_name": sys.implementation.name,
        "platform_python_implementation": platform.python_implementation(),
        "os_name": os.name,
    }.get(key)
    if here is None:
        return True
    if value.endswith(".*"):
        same = _numbers(here)[: value.count(".")] == _numbers(value)
        return same if operator == "==" else not same
    left, right = (_numbers(here), _numbers(value)) if key.startswith("python") else ([here], [value])
    order = (left > right) - (left < right)
    return order in {"==": [0], "!=": [-1, 1], "<=": [-1, 0], ">=": [0, 1], "<": [-1], ">": [1]}[operator]


def _numbers(version: str) -> List[Any]:
    return [int(part) for part in re.findall(r"\d+", version)]
