"""The keeper: one of them, of this agent, for as long as there is something to keep."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from spools import Replica

from dgops.transport import agent

QUICK = "import dgops.agent.watch as watch; watch.SHORTEST = watch.LONGEST = 0.1\n"


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A home of its own, and the agent's zip under two names, as two versions have."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    replica = Replica(tmp_path)
    replica.zips = [tmp_path / name for name in ("one.pyz", "two.pyz")]
    for path in replica.zips:
        path.write_bytes(agent.archive())
    yield replica
    holder = lock_of(tmp_path)
    if alive(holder.get("pid")):
        os.kill(holder["pid"], 15)


def lock_of(tmp_path):
    path = tmp_path / "home/.cache/dgops/watch.lock"
    return json.loads(path.read_text() or "{}") if path.exists() else {}


def alive(pid):
    try:
        return pid and "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def start(host, number=0):
    """Start the keeper as the agent does, with a short breath between its rounds."""
    program = f"import sys; sys.path.insert(0, sys.argv[0]); {QUICK}print(watch.ensure())"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv = [{str(host.zips[number])!r}]\n{program}"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.05)


def test_it_spools_what_is_edited_later_and_there_is_one(host, tmp_path):
    assert start(host) == "True"
    until(lambda: alive(lock_of(tmp_path).get("pid")))
    first = lock_of(tmp_path)["pid"]
    host.write("main.py", "edited\n")
    until(lambda: host.spooled() == ({"main.py": "edited\n"}, []))
    assert start(host) == "True"
    assert lock_of(tmp_path)["pid"] == first


def test_another_agent_takes_over(host, tmp_path):
    start(host)
    until(lambda: alive(lock_of(tmp_path).get("pid")))
    first = lock_of(tmp_path)["pid"]
    start(host, 1)
    until(lambda: lock_of(tmp_path).get("agent") == "two.pyz")
    assert not alive(first)
    host.write("main.py", "edited\n")
    until(host.spooled)


def test_with_nothing_to_keep_there_is_none(host, tmp_path):
    (note,) = (tmp_path / "home/.cache/dgops/replicas").iterdir()
    start(host)
    until(lambda: alive(lock_of(tmp_path).get("pid")))
    keeper = lock_of(tmp_path)["pid"]
    note.unlink()
    until(lambda: not alive(keeper))
    assert start(host) == "False"


def test_a_spool_that_cannot_be_written_ends_nothing(host, tmp_path):
    host.volume.rename(tmp_path / "away")
    start(host)
    until(lambda: alive(lock_of(tmp_path).get("pid")))
    host.write("main.py", "edited\n")
    (tmp_path / "away").rename(host.volume)
    until(host.spooled)
