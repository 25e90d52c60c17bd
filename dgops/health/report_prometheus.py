"""A look in Prometheus' text format, for node_exporter's textfile collector or a push gateway.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/, format 0.0.4.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dgops.health.check import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dgops.health.look import HostHealth

# metric → what it says; all are gauges.
METRICS = {
    "dgops_host_up": "1 where the host could be looked at, 0 where not.",
    "dgops_host_healthy": "1 where every check of the host holds, 0 where not.",
    "dgops_look_seconds": "How long the look at the host took.",
    "dgops_check": "1 where the check holds, 0 where not or nobody could look; what does not apply is left out.",
    "dgops_disk_free_bytes": "Bytes free to users on the host's persistent root.",
    "dgops_disk_size_bytes": "Bytes in all on the host's persistent root.",
    "dgops_memory_free_bytes": "Bytes of memory that programs can still get.",
    "dgops_gpu_memory_free_bytes": "Bytes of GPU memory that are free.",
    "dgops_gpu_memory_size_bytes": "Bytes of GPU memory in all.",
}
ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
# Halves of characters, which UTF-8 cannot hold, and what no dashboard shows.
UNFIT = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

Sample = tuple[str, tuple[tuple[str, str], ...], float]


def render(found: Sequence[HostHealth]) -> str:
    """Return the page: for each metric its help, its type and its samples, each series once."""
    samples: dict[str, dict[tuple[tuple[str, str], ...], float]] = {name: {} for name in METRICS}
    for one in found:
        for name, labels, value in _samples(one):
            # Two checks of one name are one series: it is 1 where both hold.
            samples[name][labels] = min(value, samples[name].get(labels, value))
    return "".join(
        line for name, help_text in METRICS.items() if samples[name] for line in _metric(name, help_text, samples[name])
    )


def _metric(name: str, help_text: str, samples: dict[tuple[tuple[str, str], ...], float]) -> Iterator[str]:
    yield f"# HELP {name} {help_text}\n# TYPE {name} gauge\n"
    for labels, value in samples.items():
        inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
        yield f"{name}{{{inner}}} {value:.10g}\n" if value % 1 else f"{name}{{{inner}}} {int(value)}\n"


def _samples(one: HostHealth) -> Iterator[Sample]:
    host = ("host", one.host)
    yield "dgops_host_up", (host,), float(one.error is None)
    yield "dgops_host_healthy", (host,), float(one.outcome is Outcome.PASS)
    yield "dgops_look_seconds", (host,), round(one.seconds, 3)
    for result in one.results:
        if result.outcome is not Outcome.SKIP:
            check = result.check
            series = (host, ("role", check.role), ("check", check.name), ("kind", check.kind))
            yield "dgops_check", series, float(result.outcome is Outcome.PASS)
    disk, live = one.facts.get("disk"), one.facts.get("live", {})
    if disk:
        labels = (host, ("path", disk["path"]), ("type", disk["type"]))
        yield "dgops_disk_free_bytes", labels, disk["free"]
        yield "dgops_disk_size_bytes", labels, disk["total"]
    if "memory" in live:
        yield "dgops_memory_free_bytes", (host,), live["memory"]["free"]
    for index, gpu in enumerate(live.get("gpu", {}).get("gpus", ())):
        card = (host, ("gpu", str(index)), ("name", gpu["name"]))
        yield "dgops_gpu_memory_free_bytes", card, gpu["free"]
        yield "dgops_gpu_memory_size_bytes", card, gpu["total"]


def _escaped(text: str) -> str:
    return "".join(ESCAPES.get(one, one) for one in UNFIT.sub("?", text))
