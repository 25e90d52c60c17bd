"""What root writes is believed, and nothing else."""

import os

import pytest

from dgops.agent import roots


@pytest.mark.parametrize(
    ("content", "mode", "found"),
    [
        ('{"a": 1}', 0o644, {"a": 1}),
        ('{"a": 1}', 0o664, None),
        ('{"a": 1}', 0o646, None),
        ("[1]", 0o644, None),
        ("{", 0o644, None),
        ("\udcff", 0o644, None),
    ],
)
def test_record(tmp_path, content, mode, found):
    path = tmp_path / "one.json"
    path.write_text(content, errors="surrogateescape")
    path.chmod(mode)
    assert roots.record(str(path)) == found


def test_none_there(tmp_path):
    assert roots.record(str(tmp_path / "none")) is None
    assert roots.record(str(tmp_path)) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_one_of_somebody_else(tmp_path):
    path = tmp_path / "one.json"
    path.write_text("{}")
    os.chown(path, 1234, 1234)
    assert roots.record(str(path)) is None
