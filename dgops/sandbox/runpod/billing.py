"""The bill as the API shows it, from the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dgops.sandbox.runpod.pods import moment

if TYPE_CHECKING:
    from dgops.sandbox.runpod.cloud import Cloud

_AMOUNTS = ("totalAmount", "gpuAmount", "cpuAmount", "diskAmount")


def report(cloud: Cloud, pod_id: str | None) -> dict[str, Any]:
    """Return one record for each pod, or for one of them, and the totals."""
    now = cloud.clock()
    everything = {**cloud.gone, **cloud.pods}
    records: list[dict[str, Any]] = [
        {"podId": pod.id, "startTime": moment(pod.created), "endTime": moment(now), **pod.amounts(now)}
        for pod in everything.values()
        if pod_id in (None, pod.id)
    ]
    began = min((pod.created for pod in everything.values()), default=now)
    query = {
        "startTime": moment(began),
        "endTime": moment(now),
        "bucketSize": "day",
        "podId": pod_id,
    }
    totals = {name: sum(one[name] for one in records) for name in _AMOUNTS}
    counts = {"recordCount": len(records), "uniquePodCount": len(records)}
    return {"records": records, "metadata": {"query": query, **counts, "totals": totals}}
