import os
import time
from pathlib import Path

import pytest

from dgops.errors import RemoteError, UnreachableError
from dgops.transport.local import LocalTransport

HERE = LocalTransport("here")


def test_as_over_ssh():
    completed = HERE.run(["sh", "-c", "cat; pwd; echo err >&2; exit 7"], stdin=b"in ")
    assert (completed.returncode, completed.stderr) == (7, b"err\n")
    assert completed.text == f"in {os.path.realpath(Path.home())}\n"
    assert HERE.run(["dgops-no-such-program"]).returncode == 127
    assert HERE.run(["/"]).returncode == 126


def test_a_deadline_ends_the_whole_family(tmp_path):
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="here: no end within"):
        HERE.run(["sh", "-c", f"(sleep 1; touch {tmp_path}/alive) & wait"], timeout=0.3)
    assert time.monotonic() - started < 3
    time.sleep(1)
    assert not (tmp_path / "alive").exists()


def test_the_venv_of_dgops_is_not_the_commands(monkeypatch):
    monkeypatch.setenv("VIRTUAL_ENV", "/some/venv")
    monkeypatch.setenv("PYTHONPATH", "/some/where")
    monkeypatch.setenv("PATH", f"/some/venv/bin:{os.environ['PATH']}")
    assert "/some/" not in HERE.run(["env"]).text


def test_files(tmp_path):
    HERE.put(b"data", "~/folder/file", mode=0o640)
    target = Path.home() / "folder/file"
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"data", 0o640)
    HERE.get(str(target), tmp_path / "there/back")
    assert (tmp_path / "there/back").read_bytes() == b"data"
    assert os.listdir(tmp_path / "there") == ["back"]
    with pytest.raises(RemoteError, match="here: reading /nowhere: No such file"):
        HERE.get("/nowhere", tmp_path / "x")
    with HERE.tunnel(80) as port:
        assert port == 80
