"""Locks: which lines hold for this Python, and what they say."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgops.agent import pins

LOCK = """\
# made by hand
a-b==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via nothing
never==2 ; python_full_version < '3.0' \\
    --hash=sha256:cc
With.Dots[extra]==2.5.1+cu121 ; sys_platform == 'linux' \\
    --hash=sha256:dd
-e .
"""


def test_locked():
    found = pins.locked(LOCK)
    assert list(found) == ["a-b", "with-dots"]
    assert found["a-b"].version == "1.0"
    assert found["a-b"].hashes == {"sha256:aa", "sha256:bb"}
    assert found["a-b"].line == "a-b==1.0 --hash=sha256:aa --hash=sha256:bb"
    assert found["with-dots"].version == "2.5.1+cu121"


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("", True),
        ("sys_platform == 'linux'", True),
        ("sys_platform == 'win32'", False),
        ("python_full_version >= '3.8'", True),
        ("python_full_version < '3.8' or sys_platform == 'linux'", True),
        ("python_version >= '3.8' and sys_platform == 'win32'", False),
        ("something_new == 'x'", True),
        ("python_full_version == '{}.{}.*'".format(*sys.version_info), True),
        ("python_full_version != '{}.{}.*'".format(*sys.version_info), False),
        ("python_full_version == '3.7.*'", False),
    ],
)
def test_markers(marker, expected):
    assert pins.applies(marker) is expected


@given(st.text())
def test_no_lock_text_breaks_the_reader(text):
    pins.locked(text)
