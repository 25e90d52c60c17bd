"""A pod's limits: written into its environment, read from it, and what they mean for a pod that runs."""

from datetime import datetime, timezone

import pytest

from dgops.agent import spend
from dgops.errors import DgopsError
from dgops.pods import limits
from dgops.pods.models import Bill, Pod
from dgops.settings import RUNPOD_URL, load

START = datetime(2026, 11, 30, 12, 0, tzinfo=timezone.utc)


def pod(asked, status="RUNNING", root="/workspace"):
    started = START.isoformat().replace("+00:00", "Z")
    carried = limits.carried({**asked.environment(2.0), "HF_TOKEN": "hidden"})
    return Pod("abc", "dgops-a", status, started=started, root=root, limits=carried)


def after(seconds):
    return START.timestamp() + seconds


def test_without_a_limit_the_environment_stays_empty():
    assert limits.Asked().environment(2.0) == {}


def test_an_address_of_its_own_is_told_to_the_pod():
    assert spend.API_URL not in limits.Asked(ttl=60, url=RUNPOD_URL).environment(1.0)
    assert limits.Asked(ttl=60, url="http://127.0.0.1:1").environment(1.0)[spend.API_URL] == "http://127.0.0.1:1"


def test_options_win_over_settings(tmp_path):
    (tmp_path / "dgops.toml").write_text('[pods]\nttl = "8h"\nmax_cost = 12\nidle_minutes = 30\n')
    settings = load(tmp_path)
    assert limits.asked(settings, "45s", 3.0) == limits.Asked(45, 3.0, 1800, 10.0, settings.runpod_url)
    assert limits.asked(settings).ttl == 8 * 3600


def test_what_else_is_in_an_environment_is_not_shown():
    assert "HF_TOKEN" not in pod(limits.Asked(ttl=60)).limits


CASES = [
    (limits.Asked(ttl=3600), 0.0, 600, 3000),
    (limits.Asked(max_cost=4.0), 3.0, 600, 1800),
    (limits.Asked(ttl=60), 0.0, 90, 0),
    (limits.Asked(), 0.0, 600, None),
    # Idleness is seen on the pod alone.
    (limits.Asked(idle=60), 0.0, 600, None),
]


@pytest.mark.parametrize(("asked", "spent", "seconds", "left"), CASES)
def test_when_a_pod_stops_itself(asked, spent, seconds, left):
    assert limits.stops_in(pod(asked), spent, after(seconds)) == left


def test_one_that_stands_still_stops_no_more():
    assert limits.stops_in(pod(limits.Asked(ttl=60), status="EXITED"), 0.0, after(1)) is None


def test_without_a_root_only_money_counts():
    assert limits.stops_in(pod(limits.Asked(ttl=60, max_cost=2.0), root=""), 1.0, after(90)) == 1800


def test_the_bill_is_asked_for_where_a_pod_has_a_ceiling():
    class Provider:
        def bills(self, since=None):
            return [Bill("abc", 1.5, 1.5, 0.0)]

    assert limits.spent(Provider(), [pod(limits.Asked(max_cost=2.0))]) == {"abc": 1.5}
    assert limits.spent(None, [pod(limits.Asked(ttl=60))]) == {}


REACHED = [
    (limits.Asked(ttl=60), "RUNNING", 0.0, "its TTL of 60 s"),
    (limits.Asked(ttl=600), "RUNNING", 0.0, ""),
    (limits.Asked(max_cost=2.0), "RUNNING", 2.0, "its ceiling of 2.00 $"),
    (limits.Asked(max_cost=2.0), "EXITED", 2.0, "its ceiling of 2.00 $"),
    (limits.Asked(max_cost=2.0), "EXITED", 1.99, ""),
    # Its next run has a TTL of its own.
    (limits.Asked(ttl=60), "EXITED", 0.0, ""),
    (limits.Asked(), "EXITED", 9.0, ""),
]


@pytest.mark.parametrize(("asked", "status", "spent", "end"), REACHED)
def test_what_limit_a_pod_has_come_to(asked, status, spent, end):
    assert limits.reached(pod(asked, status), spent, after(90)) == end


def test_in_words():
    asked = limits.Asked(ttl=28800, max_cost=12.0, idle=1800)
    assert limits.described(limits.of(pod(asked))) == "TTL 8 h, at most 12.00 $, idle 30 min"


class Billed:
    """A provider that has billed so much."""

    def __init__(self, total):
        self.total = total

    def bills(self, since=None):
        return [Bill("abc", self.total, self.total, 0.0)]


def test_what_may_cost_no_more_is_not_started():
    with pytest.raises(DgopsError, match=r"a has cost 2.50 \$, and its ceiling of 2.00 \$ is reached"):
        limits.require_left(Billed(2.5), pod(limits.Asked(max_cost=2.0), status="EXITED"))
    limits.require_left(Billed(1.5), pod(limits.Asked(max_cost=2.0), status="EXITED"))
    limits.require_left(None, pod(limits.Asked(ttl=60), status="EXITED"))


@pytest.mark.parametrize(
    ("asked", "has", "words"),
    [
        (limits.Asked(), limits.Asked(ttl=60), ""),
        (limits.Asked(ttl=60), limits.Asked(ttl=60), ""),
        (limits.Asked(ttl=60), limits.Asked(), "none"),
        (limits.Asked(ttl=60, max_cost=3), limits.Asked(max_cost=2), "at most 2.00 $"),
    ],
)
def test_other_limits_than_those_asked_for(asked, has, words):
    assert limits.differing(asked, pod(has)) == words
