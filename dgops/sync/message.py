"""The message of a commit that brings a host's edits home."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.sync.reconcile import Change

MOST_LISTED = 50
LONGEST_SUBJECT = 72
VERBS = {"A": "add", "M": "edit", "D": "delete"}


def compose(host: str, pod: str, base: str, changes: Sequence[Change], said: str = "") -> str:
    """Return subject, list of paths, and trailers that say where the edits come from; what a person said is first."""
    trailers = f"Dgops-Host: {host}\nDgops-Pod: {pod}\nDgops-Base: {base}\n"
    return f"{said.strip() or _subject(host, changes)}\n\n{listed(changes)}\n\n{trailers}"


def listed(changes: Sequence[Change]) -> str:
    """Return one indented line for each path, and how many were left out."""
    lines = [f"  {one.kind} {one.path}" for one in changes[:MOST_LISTED]]
    more = len(changes) - MOST_LISTED
    return "\n".join([*lines, *([f"  and {more} more"] if more > 0 else [])])


def _subject(host: str, changes: Sequence[Change]) -> str:
    kinds = {one.kind for one in changes}
    verb = VERBS[next(iter(kinds))] if len(kinds) == 1 else "edit"
    if len(changes) == 1:
        return _fitting(f"{host}: {verb} ", [changes[0].path, changes[0].path.rpartition("/")[2]])
    folders = sorted({one.path.rpartition("/")[0] for one in changes})
    head = f"{host}: {verb} {len(changes)} files"
    tops = sorted({one.split("/")[0] for one in folders})
    return _fitting(f"{head} in ", [", ".join(folders), ", ".join(tops)])


def _fitting(head: str, tails: Sequence[str]) -> str:
    """Return the head with the first tail that leaves the line short enough, else with the last one cut."""
    for tail in tails:
        if len(head) + len(tail) <= LONGEST_SUBJECT:
            return head + tail
    return (head + tails[-1])[:LONGEST_SUBJECT]
