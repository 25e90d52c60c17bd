import pytest

from dgops.hosts.source import inventory_files, is_dynamic


@pytest.mark.parametrize(
    ("text", "mode", "dynamic"),
    [
        ("#!/bin/sh\n", 0o755, True),
        ("#!/bin/sh\n", 0o644, False),
        # Under /mnt/c every file is executable.
        ("all:\n  hosts:\n", 0o777, False),
        ("---\nplugin: constructed\n", 0o644, True),
        ("all:\n  vars:\n    plugin: x\n", 0o644, False),
    ],
)
def test_what_is_asked_each_time(tmp_path, text, mode, dynamic):
    path = tmp_path / "hosts"
    path.write_text(text)
    path.chmod(mode)
    assert is_dynamic(path) is dynamic


def test_the_files_that_ansible_reads(tmp_path):
    names = ("hosts.yml", "b", "folder/c.yml", "README.md", "old.bak", ".hidden", "group_vars/all.yml", "a.ini")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [str(path.relative_to(tmp_path)) for path in inventory_files(tmp_path)]
    assert found == ["a.ini", "b", "folder/c.yml", "hosts.yml"]
    assert list(inventory_files(tmp_path / "b")) == [tmp_path / "b"]
