"""The keeper: one of them, of this agent, for as long as there is something to keep."""

import ast
import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from spools import Replica

from dgops.agent import scan, watch
from dgops.health.contract import Contract, to_json
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


def start(host, number=0, more="", call="ensure()"):
    """Start the keeper as the agent does, with a short breath between its rounds."""
    program = f"import sys; sys.path.insert(0, sys.argv[0]); {QUICK}{more}\nprint(watch.{call})"
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


class Hours:
    """The module time, where nothing waits and whatever takes long says so."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Enough(BaseException):
    """Enough rounds were seen; no keeper takes it for trouble of its own."""


@pytest.mark.parametrize(("cost", "guards"), [(0.1, 0), (4, 0), (14, 0), (0.1, 15), (4, 20)])
def test_an_edit_is_spooled_within_thirty_seconds_whatever_looks_take(monkeypatch, cost, guards):
    clock, rounds = Hours(), []

    def once(*_):
        rounds.append((clock.now, clock.now + cost))
        clock.now += cost
        if len(rounds) > 5:
            raise Enough
        return {"root": "", "earlier": 0.0}

    def look(*_):
        clock.now += guards
        return 60.0

    monkeypatch.setattr(watch, "time", clock)
    monkeypatch.setattr(watch.aside.Aside, "run", once)
    monkeypatch.setattr(watch.spend_guard, "of_this_pod", lambda: SimpleNamespace(look=look, earlier=0.0))
    with pytest.raises(Enough):
        watch.keep()
    for (began, _), (_, over) in pairwise(rounds):
        assert over - began <= watch.LONGEST


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


@pytest.fixture
def limited(host, double, tmp_path):
    """Return the lines that make the keeper's host a pod at the double: it runs for long once a file says so."""
    pod = double.rent()
    own = {"RUNPOD_POD_ID": pod, "RUNPOD_API_KEY": double.cloud.pods[pod].key, "DGOPS_API_URL": double.url}

    def lines(root=host.volume, **limits):
        clock = f"lambda: 9e9 if os.path.exists({str(tmp_path / 'late')!r}) else 1.0"
        return (
            "import os; from dgops.agent import notes, scan, spend_guard, spend_meter\n"
            f"spend_meter.environment = lambda: {own | limits!r}\n"
            f"spend_meter.running = {clock}\n"
            f"notes.FOLDER = {str(tmp_path / 'run')!r}\n"
            f"spend_guard.PRINTED = {str(tmp_path / 'printed')!r}\n"
            f"spend_guard.FIRST_PAUSE = spend_guard.LONGEST_PAUSE = 0.1\n"
            f"watch._persistent = lambda: {str(root or '')!r}\n"
        )

    host.pod, host.late = pod, (tmp_path / "late").touch
    return lines


def status(double, host):
    return double.cloud.pods[host.pod].status


def test_a_pod_with_limits_has_one_though_nothing_is_to_keep(host, tmp_path, limited):
    for note in (tmp_path / "home/.cache/dgops/replicas").iterdir():
        note.unlink()
    assert start(host, more=limited(DGOPS_PRICE="1")) == "False"
    assert start(host, more=limited(DGOPS_TTL="60")) == "True"
    until((tmp_path / "run/spend.json").exists)
    first = lock_of(tmp_path)["pid"]
    # Two at once are one, and another agent's takes over.
    assert start(host, more=limited(DGOPS_TTL="60")) == "True"
    assert lock_of(tmp_path)["pid"] == first
    start(host, 1, more=limited(DGOPS_TTL="60"))
    until(lambda: lock_of(tmp_path).get("agent") == "two.pyz")
    assert not alive(first)


def test_at_its_limit_a_pod_spools_and_then_stops(host, double, limited):
    start(host, more=limited(DGOPS_TTL="60"))
    seen = []
    stop = double.cloud.machines.stop
    double.cloud.machines.stop = lambda *words: seen.append(host.spooled()) or stop(*words)
    host.write("main.py", "edited\n")
    host.late()
    until(lambda: status(double, host) == "EXITED")
    until(lambda: seen)
    assert seen[0] == ({"main.py": "edited\n"}, [])
    (record,) = (host.volume / "dgops-spend").iterdir()
    assert json.loads(record.read_text())["stopped"]["reason"] == "its TTL of 60 s"
    assert [verb for verb, _ in double.cloud.machines.asked] == ["start", "stop"]


@pytest.mark.parametrize(("of", "told"), [("last", "its TTL of 60 s"), ("one before", None)])
def test_the_next_run_tells_why_the_last_one_stopped(host, limited, of, told):
    record = host.volume / "dgops-spend" / f"{scan.pod_id()}.json"
    record.parent.mkdir()
    stopped = {"reason": "its TTL of 60 s", "at": 1.0, "run": of}
    record.write_text(json.dumps({"run": "last", "earlier": 0.0, "seconds": 60.0, "stopped": stopped}))
    for expected in (told, None):
        said = start(host, more=limited(DGOPS_TTL="6000"), call="answer({'op': 'start'})['stopped']")
        assert (ast.literal_eval(said) or {}).get("reason") == expected
        until(lambda: json.loads(record.read_text())["run"] != "last")


def test_the_provider_is_away_at_the_limit(host, double, tmp_path, limited):
    double.cloud.faults.set({"errors": 3})
    start(host, more=limited(DGOPS_TTL="60"))
    host.late()
    until(lambda: status(double, host) == "EXITED")
    log = (tmp_path / "run/spend.log").read_text()
    assert "HTTP 503" in log


BREAKS = """
def broken():
    with open(TRIES, "a") as tries:
        tries.write("x")
    if os.path.getsize(TRIES) < 6:
        raise KeyError("nobody foresaw this")
    return 9e9
"""


def test_what_nobody_foresaw_ends_no_keeper(host, double, tmp_path, limited):
    lines = f"{limited(DGOPS_TTL='60')}TRIES = {str(tmp_path / 'tries')!r}\n{BREAKS}spend_meter.running = broken\n"
    start(host, more=lines)
    until(lambda: status(double, host) == "EXITED")
    assert "a round broke; KeyError: 'nobody foresaw this'" in (tmp_path / "run/spend.log").read_text()


def test_a_volume_that_is_full_at_the_limit(host, double, tmp_path, limited):
    start(host, more=limited(DGOPS_TTL="60") + "spend_guard.SPOOL_PATIENCE = 1.0\n")
    host.volume.rename(tmp_path / "away")
    host.volume.write_text("no folder")
    host.write("main.py", "edited\n")
    host.late()
    until(lambda: status(double, host) == "EXITED")
    assert "could not be spooled" in (tmp_path / "run/spend.log").read_text()


def test_without_a_persistent_root_it_only_warns_until_money_counts(host, double, tmp_path, limited):
    start(host, more=limited("", DGOPS_TTL="60"))
    host.late()
    until(lambda: any("is not stopped" in one.read_text() for one in (tmp_path / "run").glob("spend.json")))
    assert status(double, host) == "RUNNING"
    start(host, 1, more=limited("", DGOPS_TTL="60", DGOPS_MAX_COST="12", DGOPS_PRICE="1"))
    until(lambda: status(double, host) == "EXITED")


def test_a_host_that_is_to_look_at_itself_has_one_until_nobody_wants_it(host, tmp_path):
    for note in (tmp_path / "home/.cache/dgops/replicas").iterdir():
        note.unlink()
    wish, kept = tmp_path / "wish.json", tmp_path / "contract.json"
    lines = (
        "from dgops.agent import notes, roots\n"
        f"roots.HEALTH_WATCH, roots.CONTRACT, notes.FOLDER = {[str(wish), str(kept), str(tmp_path / 'run')]!r}\n"
    )
    assert start(host, more=lines) == "False"
    contract = Contract("pod", (), {}, "production", "c", "then", "me", str(tmp_path), sys.prefix)
    kept.write_text(json.dumps(to_json(contract)))
    wish.write_text('{"minutes": 15}')
    assert start(host, more=lines) == "True"
    until((tmp_path / "run/health.json").exists)
    found = json.loads((tmp_path / "run/health.json").read_text())
    assert [one["outcome"] for one in found["hosts"]["pod"]["checks"]] == ["pass"]
    keeper = lock_of(tmp_path)["pid"]
    # Edits are spooled all the same, however long the looks are apart.
    assert alive(keeper)
    wish.unlink()
    until(lambda: not alive(keeper))
    assert [one.name for one in (tmp_path / "run").iterdir()] == ["health.log"]
