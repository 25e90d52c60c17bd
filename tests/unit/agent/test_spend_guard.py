"""A pod's own guard: what it does at a limit, and what it does not."""

import time

import pytest

from dgops.agent import notes, spend, spend_guard, spend_meter

KEY = "rpa_not_to_be_seen"


class Pod:
    """A guard whose clock, volume and provider are the test's."""

    def __init__(self, **limits):
        environment = {"RUNPOD_POD_ID": "abc", "RUNPOD_API_KEY": KEY}
        self.guard = spend_guard.Guard(spend.Limits(**limits), [], environment)
        self.guard.stop = self._stop
        self.answers, self.spools, self.asked, self.spooled, self.now = [], [], 0, [], 0.0

    def _stop(self, _environment):
        self.asked += 1
        return self.answers.pop(0) if self.answers else None

    def look(self, root="/workspace"):
        return self.guard.look(root, self._spool)

    def _spool(self, reason):
        self.spooled.append(reason)
        return self.spools.pop(0) if self.spools else []


@pytest.fixture
def make(monkeypatch, tmp_path):
    monkeypatch.setattr(notes, "FOLDER", str(tmp_path / "run"))
    monkeypatch.setattr(spend_guard, "PRINTED", str(tmp_path / "printed"))
    (tmp_path / "printed").touch()
    made = []

    def one(**limits):
        made.append(Pod(**limits))
        monkeypatch.setattr(time, "monotonic", lambda: made[-1].now)
        monkeypatch.setattr(spend_meter, "running", lambda: made[-1].now)
        monkeypatch.setattr(spend_meter, "at_work", lambda _quiet: None)
        made[-1].guard.worked = 0.0
        return made[-1]

    return one


def test_it_waits_until_its_end_then_spools_and_stops(make):
    pod = make(ttl=100)
    assert pod.look() == 100
    assert spend_guard.noted()["action"] == "warn"
    pod.now = 60
    assert (pod.look(), pod.spooled, pod.asked) == (40, [], 0)
    pod.now = 100
    pod.look()
    assert (pod.spooled, pod.asked) == (["its TTL of 100 s"], 1)
    assert spend_guard.noted()["action"] == "stop"


def test_the_containers_log_says_why_once(make, tmp_path):
    pod = make(ttl=100)
    pod.now, pod.answers = 100, ["no answer: refused"] * 3
    while pod.answers:
        pod.look()
    assert (tmp_path / "printed").read_text() == "dgops: this pod stops itself: its TTL of 100 s\n"
    (tmp_path / "printed").unlink()
    other = make(ttl=1)
    other.now = 2
    other.look()
    assert other.asked == 1


def test_the_api_is_away_at_the_limit(make, tmp_path):
    pod = make(max_cost=1, price=3600)
    pod.answers = ["no answer: refused"] * 5 + ["HTTP 503: later"] * 5
    pauses = []
    while pod.asked < 11:
        pod.now += 10
        pauses.append(pod.look())
    assert pauses == [5, 10, 20, 40, 60, 60, 60, 60, 60, 60, 60]
    # Each time what was edited meanwhile goes first.
    assert len(pod.spooled) == 11
    assert spend_guard.noted()["troubles"] == []
    log = (tmp_path / "run/spend.log").read_text()
    assert log.count("\n") == 3
    assert "no answer: refused" in log


def test_a_full_volume_is_tried_for_a_while_and_the_limit_counts_then(make):
    pod = make(ttl=100)
    pod.now = 100
    pod.spools = [["api: No space left on device"]] * 100
    pod.look()
    assert pod.asked == 0
    assert "could not be spooled: api: No space left" in spend_guard.noted()["troubles"][0]
    pod.now = 100 + spend_guard.SPOOL_PATIENCE
    pod.look()
    assert pod.asked == 1
    # One that has room again is stopped at once.
    again = make(ttl=100)
    again.now, again.spools = 100, [["api: No space left on device"]]
    again.look()
    again.now = 105
    again.look()
    assert again.asked == 1


def test_without_a_persistent_root_only_money_stops_it(make):
    pod = make(ttl=100, max_cost=1, price=3.6)
    pod.now = 500
    assert pod.look(root="") == pytest.approx(500)
    assert (pod.spooled, pod.asked) == ([], 0)
    assert "without a persistent root it goes on until 1.00 $" in spend_guard.noted()["reason"]
    pod.now = 1000
    pod.look(root="")
    assert pod.asked == 1
    assert pod.spooled == ["its ceiling of 1.00 $"]


def test_earlier_runs_cost_money_and_no_time(make):
    pod = make(ttl=1000, max_cost=1, price=3.6)
    pod.guard.earlier = 950
    pod.now = 40
    pod.look()
    assert (pod.asked, spend_guard.noted()["spent"]) == (0, pytest.approx(0.99))
    pod.now = 50
    pod.look()
    assert pod.asked == 1


def test_work_puts_idleness_off(make, monkeypatch):
    pod = make(idle=100)
    pod.now = 90
    monkeypatch.setattr(spend_meter, "at_work", lambda _quiet: "a job runs or waits")
    pod.look()
    monkeypatch.setattr(spend_meter, "at_work", lambda _quiet: None)
    pod.now = 189
    pod.look()
    assert pod.asked == 0
    pod.now = 190
    pod.look()
    assert pod.asked == 1


def test_one_that_cannot_stop_itself_says_so_from_the_start(make):
    pod = make(ttl=1000)
    pod.guard = spend_guard.Guard(spend.Limits(ttl=1000), [], {"RUNPOD_POD_ID": "abc"})
    pod.look()
    assert "no RUNPOD_API_KEY" in spend_guard.noted()["troubles"][0]


def test_the_record(make, monkeypatch):
    pod = make(ttl=1000)
    monkeypatch.setattr(spend_meter, "run", lambda: "second")
    pod.now = 7.0
    before = {"run": "first", "earlier": 1.0, "seconds": 2.0, "stopped": {"reason": "its TTL of 8 h", "at": 1.0}}
    assert pod.guard.record(before) == {
        "run": "second",
        "earlier": 3.0,
        "seconds": 7.0,
        "stopped": {"reason": "its TTL of 8 h", "at": 1.0},
    }
    told = pod.guard.record(None, "idle for 30 min")["stopped"]
    assert (told["reason"], told["run"]) == ("idle for 30 min", "second")


def test_the_key_is_nowhere(make, tmp_path):
    pod = make(ttl=1)
    pod.now, pod.answers = 2, ["no answer: refused"]
    pod.look()
    assert all(KEY not in path.read_text() for path in (tmp_path / "run").iterdir())


def test_a_round_that_broke_is_noted_until_the_next_one(make, tmp_path):
    pod = make(ttl=100)
    pod.guard.broke(KeyError("early"))
    assert spend_guard.noted() is None
    pod.look()
    pod.guard.broke(KeyError("late"))
    assert spend_guard.noted()["troubles"] == ["a round broke; KeyError: 'late'"]
    pod.look()
    assert spend_guard.noted()["troubles"] == []
    words = [line.partition(" ")[2] for line in (tmp_path / "run/spend.log").read_text().splitlines()]
    assert [one for one in words if "broke" in one] == [
        f"a round broke; KeyError: '{one}'" for one in ("early", "late")
    ]


def test_the_log_fills_no_disk(make, tmp_path, monkeypatch):
    monkeypatch.setattr(notes, "MOST_LOG", 200)
    pod = make(ttl=1)
    pod.now, pod.answers = 2, [f"no answer: {number}" for number in range(100)]
    while pod.answers:
        pod.look()
    assert (tmp_path / "run/spend.log").stat().st_size < 400
