"""Ansible's host patterns: names, groups, globs, `a:b`, `a,b`, `!x` and `&x`."""

from __future__ import annotations

import difflib
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dgops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def select(pattern: str, hosts: Sequence[str], groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the host names that pattern names, in the inventory's order.

    As Ansible reads it: first everything that is named, then what is also in every &x, then without every
    !x, wherever these stand. Unlike Ansible, a name that nothing bears is an error in each place: a typing
    mistake in `!x` would otherwise touch the very host that was to be spared.
    """
    parts = [part.strip() for part in re.split(r"[,:]", pattern) if part.strip()]
    if not parts:
        raise UsageError("an empty pattern names no host", "dgops hosts list shows what there is")
    named = [part for part in parts if part[0] not in "!&"] or ["all"]
    chosen = {name for part in named for name in _matching(part, hosts, groups)}
    for part in parts:
        if part.startswith("&"):
            chosen &= _matching(part[1:], hosts, groups)
    for part in parts:
        if part.startswith("!"):
            chosen -= _matching(part[1:], hosts, groups)
    if not chosen:
        raise UsageError(f"the pattern {pattern} leaves no host", "dgops hosts list shows what there is")
    return [name for name in hosts if name in chosen]


def _matching(part: str, hosts: Sequence[str], groups: Mapping[str, Sequence[str]]) -> set[str]:
    if part in ("all", "*"):
        return set(hosts)
    found = {name for name in hosts if fnmatchcase(name, part)}
    groups_found = [members for name, members in groups.items() if fnmatchcase(name, part)]
    if not found and not groups_found:
        raise unknown(part, [*hosts, *groups])
    return found.union(*groups_found)


def unknown(name: str, known: Sequence[str]) -> UsageError:
    """Return the error for a name that no host and no group bears, with the nearest that one does."""
    near = difflib.get_close_matches(name, [other for other in known if other != "ungrouped"], n=3, cutoff=0.5)
    if not known:
        return UsageError(
            f"no host or group is named {name}: there are no hosts yet",
            "dgops sandbox up makes one here; dgops hosts add NAME 'ssh root@IP -p PORT -i KEY' takes a real one",
        )
    guess = f"did you mean {' or '.join(near)}?  " if near else ""
    return UsageError(f"no host or group is named {name}", f"{guess}(dgops hosts list)")
