"""Words that every room needs."""

from __future__ import annotations


def counted(number: float, noun: str) -> str:
    """Return so many of something: 1 file, 2 files."""
    return f"{number:.0f} {noun}{'' if number == 1 else 's'}"
