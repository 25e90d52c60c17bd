"""What pods are called: here by a short name, at the provider with a prefix that says whose they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dgops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.pods.models import Pod

PREFIX = "dgops-"
# The provider takes names of 60 characters.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,50}")


def remote(name: str) -> str:
    """Return a pod's name at the provider; raises UsageError where it cannot be one."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a pod", "small letters, digits and hyphens, such as pod2")
    return f"{PREFIX}{name}"


def short(name: str) -> str:
    """Return a pod's name here."""
    return name.removeprefix(PREFIX)


def chosen(pods: Sequence[Pod], name: str) -> Pod:
    """Return the one of them that has that name or id; raises UsageError where there is none, or more than one."""
    found = matching(pods, name)
    if len(found) > 1:
        ids = ", ".join(one.id for one in found)
        raise UsageError(f"{len(found)} pods are called {name}: {ids}", "say which by its id")
    if not found:
        there = ", ".join(short(one.name) for one in pods) or "none"
        raise UsageError(f"no pod is called {name} (there: {there})", "dgops pod list")
    return found[0]


def matching(pods: Sequence[Pod], name: str) -> list[Pod]:
    """Return the pods of that id, else those that dgops gave the name, else those that others did."""
    for wanted in (
        [one for one in pods if one.id == name],
        [one for one in pods if one.name == f"{PREFIX}{name}"],
        [one for one in pods if one.name == name],
    ):
        if wanted:
            return wanted
    return []
