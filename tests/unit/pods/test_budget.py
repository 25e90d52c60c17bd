"""The budget of a day: nothing is rented or started once it is spent, and nobody is asked without one."""

from datetime import datetime, timezone

import pytest

from dgops.errors import DgopsError
from dgops.pods import budget
from dgops.pods.models import Bill
from dgops.settings import load

NOON = datetime(2026, 11, 30, 12, 30, tzinfo=timezone.utc)


class Billed:
    """A provider that has billed two pods, and notes since when it was asked."""

    def __init__(self, *totals):
        self.totals, self.asked = totals, []

    def bills(self, since=None):
        self.asked.append(since)
        return [Bill(f"pod{number}", total, total, 0.0) for number, total in enumerate(self.totals)]


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "dgops.toml").write_text("[pods]\nbudget_per_day = 5\n")
    return load(tmp_path)


def test_a_budget_that_is_spent_refuses_in_figures(settings):
    provider = Billed(3.0, 2.0)
    with pytest.raises(DgopsError, match=r"5\.00 \$ since 2026-11-30 00:00 UTC; the budget of a day is 5\.00 \$"):
        budget.require(provider, settings, NOON)
    assert provider.asked == [datetime(2026, 11, 30, tzinfo=timezone.utc)]


def test_what_is_left_may_be_spent(settings):
    budget.require(Billed(3.0, 1.9), settings, NOON)


def test_without_a_budget_nobody_is_asked(tmp_path):
    provider = Billed(99.0)
    budget.require(provider, load(tmp_path), NOON)
    assert provider.asked == []
