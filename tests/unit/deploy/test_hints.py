"""Hints: a known cause gets its next step."""

import re

import pytest

from dgops.deploy import hints


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("OSError: [Errno 28] No space left on device", "disk space"),
        ("Temporary failure resolving 'x'", "network"),
        ("E: Could not get lock /var/lib/dpkg/lock-frontend", "another apt"),
        ("dpkg: error: dpkg frontend lock was locked by another process with pid 1508", "another apt"),
        ("Hash mismatch for click", "wheel cache"),
        ("something new", ""),
    ],
)
def test_hint(text, words):
    found = hints.hint_for(text)
    assert words in found
    assert bool(words) == bool(found)


def test_patterns_compile():
    for pattern, hint in hints.HINTS:
        re.compile(pattern)
        assert hint
