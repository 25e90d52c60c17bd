"""The bill: all that was spent, or what was spent since a midnight."""

import pytest

from dgops.pods.runpod import parse

DAY = 86400.0


@pytest.fixture
def now(double):
    """A clock that the test moves, first at one o'clock in the night."""
    moment = [20000 * DAY + 3600]
    double.cloud.clock = lambda: moment[0]
    return moment


def bills(double, query=""):
    status, answer, _ = double.ask("GET", f"/v2/billing/pods{query}")
    assert status == 200
    return {one.pod_id: one.total for one in parse.bills(parse.listed(answer, "records", parse.bill))}


def test_a_day_counts_from_its_midnight(double, now):
    night, price = double.rent(), double.cloud.ledger()["perHour"]
    now[0] += DAY
    assert bills(double)[night] == pytest.approx(24 * price, rel=0.05)
    # Within the day; whatever hour is asked for, its bucket is whole.
    assert bills(double, "?startTime=2024-10-05T00:30:00Z")[night] == pytest.approx(price, rel=0.05)


def test_what_ended_before_costs_nothing_that_day(double, now):
    gone = double.rent()
    now[0] += 3600
    double.cloud.terminate(gone)
    now[0] += DAY
    assert gone in bills(double)
    assert bills(double, "?startTime=2024-10-05T00:00:00Z") == {}


def test_what_is_no_time_is_refused(double):
    status, answer, _ = double.ask("GET", "/v2/billing/pods?startTime=yesterday")
    assert (status, "startTime" in answer["detail"]) == (400, True)
