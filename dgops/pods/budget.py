"""The budget of a day: what is billed already, before anything more is rented or started."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from dgops.errors import DgopsError

if TYPE_CHECKING:
    from dgops.pods.provider import Provider
    from dgops.settings import Settings


def require(provider: Provider, settings: Settings, now: datetime | None = None) -> None:
    """Refuse where the day's budget is spent; days are those of the bill, which are UTC's. Nothing without a budget."""
    budget = settings.pods["budget_per_day"]
    if not budget:
        return
    today = (now or datetime.now(timezone.utc)).astimezone(timezone.utc)
    midnight = today.replace(hour=0, minute=0, second=0, microsecond=0)
    spent = sum(one.total for one in provider.bills(midnight))
    if spent >= budget:
        raise DgopsError(
            f"pods have cost {spent:.2f} $ since {midnight:%Y-%m-%d} 00:00 UTC; the budget of a day is {budget:.2f} $",
            "dgops pod costs says for what; raise pods.budget_per_day in dgops.toml, or wait for tomorrow",
        )
