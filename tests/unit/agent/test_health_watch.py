"""The health watch: real looks in real children, judged by dgops as it is installed here."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from dgops.agent import health_watch, live_watch, notes, process, roots, self_look
from dgops.health.check import Check
from dgops.health.contract import Contract, to_json


class Host:
    """This machine as a host that looks at itself: a contract of one file, and everything noted in a folder."""

    def __init__(self, folder):
        self.folder, self.file = folder, folder / "kept"
        self.file.write_text("as it should be\n")
        self.watch = health_watch.Watch()
        self.ask(0.01)
        self.deploy()

    def ask(self, minutes):
        (self.folder / "wish.json").write_text(json.dumps({"minutes": minutes}))

    def deploy(self, *more, runtime=sys.prefix):
        checks = (
            Check("r", "a file is kept", "state", "file", {"path": str(self.file), "mode": "0644"}),
            Check("base", "the clock is right", "live", "clock", {"max_skew": 1}),
            *more,
        )
        kept = Contract("pod", checks, {}, "production", "c", "then", "me", str(self.folder), str(runtime))
        (self.folder / "contract.json").write_text(json.dumps(to_json(kept)))

    def turn(self, *, at_once=True):
        """Take turns until a look that is due is over."""
        if at_once:
            self.watch._began = float("-inf")
        self.watch.turn()
        until = time.monotonic() + 30
        while self.watch._busy():
            assert time.monotonic() < until
            time.sleep(0.02)

    def report(self):
        found = notes.record("health.json")
        return {one["check"]: one["outcome"] for one in found["hosts"]["pod"]["checks"]}

    def log(self):
        return [line.partition(" ")[2] for line in (self.folder / "run/health.log").read_text().splitlines()]

    def names(self):
        return {one.name for one in (self.folder / "run").iterdir()}


@pytest.fixture
def host(monkeypatch, tmp_path):
    monkeypatch.setattr(notes, "FOLDER", str(tmp_path / "run"))
    monkeypatch.setattr(roots, "HEALTH_WATCH", str(tmp_path / "wish.json"))
    monkeypatch.setattr(roots, "CONTRACT", str(tmp_path / "contract.json"))
    found = Host(tmp_path)
    yield found
    found.watch.end()


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [
        ('{"minutes": 15}', 900),
        ('{"minutes": 0.5}', 30),
        ('{"minutes": 0}', None),
        ('{"minutes": -1}', None),
        ('{"minutes": true}', None),
        ('{"minutes": "15"}', None),
        ('{"minutes": NaN}', None),
        ('{"minutes": 1e300}', None),
        ("{}", None),
        ("", None),
    ],
)
def test_what_is_asked(host, wish, seconds):
    (host.folder / "wish.json").write_text(wish)
    assert health_watch.interval() == seconds


def test_a_look_is_judged_and_what_changes_is_logged(host):
    host.turn()
    assert host.report() == {
        "the host carries this controller's contract": "pass",
        "a file is kept": "pass",
        "the clock is right": "skip",
    }
    assert host.names() == {"health.json", "health.log", "health.prom", "watch.json"}
    assert (
        'dgops_check{host="pod",role="r",check="a file is kept",kind="state"} 1'
        in (host.folder / "run/health.prom").read_text()
    )
    first = host.log()
    assert first[-1] == "2 of 2 checks hold"
    host.turn()
    assert host.log() == first, "nothing is new"
    host.file.chmod(0o600)
    host.turn()
    # What a deploy mends is told, though nothing is known of it meanwhile.
    contract = (host.folder / "contract.json").read_text()
    (host.folder / "contract.json").unlink()
    host.watch.turn()
    (host.folder / "contract.json").write_text(contract)
    assert host.log()[len(first) :] == ["fail r: a file is kept: mode 0600", "1 of 2 checks hold"]
    host.file.chmod(0o644)
    host.turn()
    assert host.log()[-2:] == ["pass r: a file is kept: mode 0644", "2 of 2 checks hold"]
    seen = live_watch.watch({})
    assert (seen["note"], seen["gone"]) == ({"holding": 2, "asked": 2, "trouble": ""}, None)
    assert 0 <= seen["age"] < 30


def looked(host):
    """Take one turn, and return whether it was a look."""
    before = notes.record("watch.json")["at"]
    host.turn(at_once=False)
    return notes.record("watch.json")["at"] != before


def test_a_look_comes_when_it_is_due(host, monkeypatch):
    now = time.monotonic()
    monkeypatch.setattr(health_watch.time, "monotonic", lambda: now)
    monkeypatch.setattr(health_watch, "LOOKING", 1e9)
    host.ask(1440)
    host.watch.turn()
    while host.watch._busy():
        time.sleep(0.02)
    now += 1000
    assert not looked(host)
    # What was asked first does not count any more.
    host.ask(15)
    assert looked(host)
    assert not looked(host)
    now += 900
    assert looked(host)
    # Another contract is new, whenever it comes.
    host.deploy(Check("r", "another", "state", "file", {"path": str(host.file)}))
    assert looked(host)


def test_a_new_keeper_is_not_judged_by_an_old_ones_look(host):
    host.turn()
    note = notes.record("watch.json")
    notes.write("watch.json", json.dumps({**note, "at": note["at"] - 1e6, "since": note["since"] - 1e6}))
    health_watch.greet(os.getpid())
    seen = live_watch.watch({})
    assert (seen["note"]["asked"], seen["age"] < 30) == (None, True)


def test_without_a_contract_it_waits_and_says_nothing_of_the_last(host):
    host.turn()
    (host.folder / "contract.json").unlink()
    host.turn()
    assert host.names() == {"health.log", "watch.json"}
    host.deploy()
    host.turn(at_once=False)
    assert "health.json" in host.names()


def test_what_a_deploy_takes_down_meanwhile_is_no_news(host, monkeypatch):
    real = self_look.look

    def look(contract):
        os.unlink(roots.CONTRACT)
        return real(contract)

    monkeypatch.setattr(self_look, "look", look)
    host.turn()
    assert host.names() == {"watch.json"}
    assert notes.record("watch.json")["at"] is None


def test_until_its_first_look_the_watch_itself_is_timed(host):
    (host.folder / "contract.json").unlink()
    host.turn()
    seen = live_watch.watch({})
    assert (seen["note"]["asked"], 0 <= seen["age"] < 30) == (None, True)


def test_nobody_wants_it_any_more(host):
    host.turn()
    (host.folder / "wish.json").unlink()
    host.watch.turn()
    assert host.names() == {"health.log"}
    assert live_watch.watch({}) == {"note": None}
    host.ask(0.01)
    host.turn()
    assert "health.json" in host.names()


@pytest.mark.parametrize("breaks", ["no runtime", "no dgops", "rubbish"])
def test_what_cannot_judge_is_told_once(host, breaks):
    host.turn()
    runtime = host.folder / "runtime"
    if breaks != "no runtime":
        (runtime / "bin").mkdir(parents=True)
        (runtime / "bin/python").write_text("#!/bin/sh\n" + ("exit 3\n" if breaks == "no dgops" else "echo '{}'\n"))
        (runtime / "bin/python").chmod(0o755)
    host.deploy(runtime=runtime)
    host.turn()
    host.turn()
    (told,) = [line for line in host.log() if "came to nothing" in line]
    assert f"{runtime}/bin/python" in told
    assert notes.record("watch.json")["trouble"] in told
    assert host.names() == {"health.log", "watch.json"}, "what it found before would be believed"
    host.deploy()
    host.turn()
    assert notes.record("watch.json")["trouble"] == ""


def test_a_contract_that_was_damaged_is_not_judged_by(host):
    path = host.folder / "contract.json"
    path.write_text(path.read_text().replace("0644", "0600"))
    host.turn()
    assert "its id does not match what it says" in notes.record("watch.json")["trouble"]
    path.write_text('{"checks": 3}')
    host.turn()
    assert "KeyError: 'runtime'" in notes.record("watch.json")["trouble"]


def test_a_look_that_hangs_is_ended_with_all_that_it_started(host, monkeypatch, tmp_path):
    number = tmp_path / "number"

    def look(contract):
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        number.write_text(str(child.pid))
        child.wait()

    monkeypatch.setattr(self_look, "look", look)
    host.watch.turn()
    until = time.monotonic() + 20
    while not number.exists() or not number.read_text():
        assert time.monotonic() < until
        time.sleep(0.02)
    monkeypatch.setattr(health_watch, "LOOKING", -health_watch.JUDGING)
    while host.watch._busy():
        assert time.monotonic() < until
        time.sleep(0.02)
    assert process.look(int(number.read_text())) is None
    assert notes.record("watch.json")["trouble"] == "no end within 0 s"
    assert [line for line in host.log() if "came to nothing: no end" in line]


def test_beside_one_that_is_stuck_in_the_kernel_none_begins(host):
    host.watch._child, host.watch._killed = 1, [process.identity(os.getpid())]
    host.watch._began = float("-inf")
    host.watch.turn()
    assert host.names() == {"watch.json"}
    host.watch._child, host.watch._killed = None, []


@pytest.mark.parametrize(("breaks", "words"), [("exit", "exit 1"), ("kill", "SIGKILL")])
def test_a_look_that_breaks_is_told(host, monkeypatch, breaks, words):
    def look(contract):
        if breaks == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise MemoryError

    monkeypatch.setattr(self_look, "look", look)
    host.turn()
    assert notes.record("watch.json")["trouble"] == f"it ended with {words}"


@pytest.mark.parametrize(("says", "words"), [("head -c 8000000 /dev/zero", "cannot judge"), ("cat %s", "")])
def test_what_judges_is_a_users_program(host, says, words):
    """It fills neither root's memory nor the disk, and root's terminal is none of its business."""
    runtime, answer = host.folder / "runtime", host.folder / "answer"
    news = ["\x1b[2Ja\nb", *map(str, range(1000))]
    answer.write_text(json.dumps({"report": {}, "metrics": "", "news": news, "failing": [], "holding": 1, "asked": 1}))
    (runtime / "bin").mkdir(parents=True)
    (runtime / "bin/python").write_text("#!/bin/sh\n" + says.replace("%s", str(answer)))
    (runtime / "bin/python").chmod(0o755)
    host.deploy(runtime=runtime)
    host.turn()
    assert words in notes.record("watch.json")["trouble"]
    assert words or (host.log()[0], len(host.log())) == ("?[2Ja b", self_look.MOST_NEWS)


def test_a_full_disk_ends_nothing(host, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(notes, "write", full)
    monkeypatch.setattr(notes, "append", full)
    host.turn()
    assert not (host.folder / "run").exists()


def test_it_ends_with_its_keeper(host, monkeypatch):
    """Nobody would reap it, and a second keeper's look would be beside it."""
    monkeypatch.setattr(self_look, "look", lambda contract: time.sleep(600))
    reader, writer = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        host.watch.turn()
        os.write(writer, b"%d\n" % host.watch._child)
        time.sleep(600)
    look = int(os.read(reader, 100))
    os.kill(keeper, signal.SIGKILL)
    os.waitpid(keeper, 0)
    until = time.monotonic() + 10
    while process.look(look):
        assert time.monotonic() < until
        time.sleep(0.02)
