"""The bill as the API shows it, from the ledger."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from dgops.sandbox.runpod.pods import moment
from dgops.sandbox.runpod.refusal import RefusalError

if TYPE_CHECKING:
    from dgops.sandbox.runpod.cloud import Cloud

_AMOUNTS = ("totalAmount", "gpuAmount", "cpuAmount", "diskAmount")


def report(cloud: Cloud, pod_id: str | None, since: str | None = None) -> dict[str, Any]:
    """Return one record for each pod, or for one of them, and the totals; `since` is RFC 3339, or the very beginning.

    Raises RefusalError 400 where it is no time. Buckets are days: a time within one counts from its midnight.
    """
    now, start = cloud.clock(), _midnight(since)
    everything = {**cloud.gone, **cloud.pods}
    records: list[dict[str, Any]] = [
        {"podId": pod.id, "startTime": moment(max(start, pod.created)), "endTime": moment(now)} | amounts
        for pod in everything.values()
        if pod_id in (None, pod.id) and (amounts := pod.amounts(now, start))["totalAmount"]
    ]
    began = start or min((pod.created for pod in everything.values()), default=now)
    query = {
        "startTime": moment(began),
        "endTime": moment(now),
        "bucketSize": "day",
        "podId": pod_id,
    }
    totals = {name: sum(one[name] for one in records) for name in _AMOUNTS}
    counts = {"recordCount": len(records), "uniquePodCount": len(records)}
    return {"records": records, "metadata": {"query": query, **counts, "totals": totals}}


def _midnight(text: str | None) -> float:
    if text is None:
        return 0.0
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)
    except ValueError:
        raise RefusalError(400, f"startTime {text!r} is no date-time") from None
    return moment.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
