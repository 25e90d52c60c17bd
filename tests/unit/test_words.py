"""Words: one file is no files."""

import pytest

from dgops.words import counted


@pytest.mark.parametrize(("number", "words"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1.0, "1 file")])
def test_counted(number, words):
    assert counted(number, "file") == words
