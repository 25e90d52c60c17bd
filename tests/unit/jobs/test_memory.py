"""What this controller remembers: found by the beginning of an id, damaged files forgotten."""

import pytest

from dgops.errors import UsageError
from dgops.jobs import memory
from dgops.jobs.job import Output

SPEC = {"kind": "command", "label": "ls", "created": "now", "env": {"A": "secret"}, "secrets": ["T"], "attest": {}}


def test_kept_and_recalled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from pathlib import Path

    memory.keep(tmp_path, "pod", {**SPEC, "id": "0123abcd"}, [Output("results", Path("results"))])
    found = memory.recall(tmp_path, "01")
    assert (found.id, found.host, found.home) == ("0123abcd", "pod", False)
    assert found.outputs == (Output("results", tmp_path / "results"),)
    assert "secret" not in (tmp_path / "jobs/0123abcd.json").read_text()
    assert (tmp_path / "jobs/0123abcd.json").stat().st_mode & 0o077 == 0
    memory.mark_home(tmp_path, "0123abcd")
    assert memory.recall(tmp_path, "01").home
    memory.forget(tmp_path, "0123abcd")
    assert memory.recall(tmp_path, "01") is None


def test_two_that_begin_so(tmp_path):
    for job in ("01aaaaaa", "01bbbbbb"):
        memory.keep(tmp_path, "pod", {**SPEC, "id": job}, [])
    with pytest.raises(UsageError, match="01aaaaaa, 01bbbbbb"):
        memory.recall(tmp_path, "01")
    assert memory.recall(tmp_path, "01a").id == "01aaaaaa"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"host": 1}', '{"host": "a", "outputs": [1]}'])
def test_damaged_is_forgotten(tmp_path, text):
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/0123abcd.json").write_text(text)
    assert memory.recall(tmp_path, "0123abcd") is None
    memory.mark_home(tmp_path, "0123abcd")
