"""What a deploy carries to hosts."""

import json
from pathlib import Path

import pytest

from dgops.deploy import cargo, wheel
from dgops.errors import DgopsError
from dgops.files import digest_file


def test_both_are_built_and_described(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DGOPS_CACHE", str(tmp_path))
    cargo.main()
    built = json.loads(capsys.readouterr().out)
    assert {name: digest_file(Path(one["path"])) for name, one in built.items()} == {
        name: one["sha256"] for name, one in built.items()
    }
    assert cargo.build(tmp_path) == built


def test_trouble_is_told_in_words(tmp_path, monkeypatch):
    def broken(_cache):
        raise DgopsError("the wheel could not be built", "make setup")

    monkeypatch.setenv("DGOPS_CACHE", str(tmp_path))
    monkeypatch.setattr(wheel, "build", broken)
    with pytest.raises(SystemExit, match="error: the wheel could not be built\nhint: make setup"):
        cargo.main()
