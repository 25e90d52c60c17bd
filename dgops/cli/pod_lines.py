"""Pods, offers and volumes as lines for people and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dgops.cli.render import ago, columns, plain
from dgops.pods.names import short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dgops.pods.models import Bill, Pod, Volume
    from dgops.pods.offers import Offer
    from dgops.pods.truth import Standing


def pods(
    found: Sequence[Pod], standings: Mapping[str, Standing], stops: Mapping[str, float | None] | None = None
) -> list[str]:
    """Return one line for each pod, and what they cost together; `stops` is in how many seconds each stops itself."""
    head = ("POD", "STATE", "GPU", "WHERE", "$/H", "REACHED BY", "STARTED", "STOPS IN")
    lines = columns([head, *((*_row(one, standings[one.id]), _within((stops or {}).get(one.id))) for one in found)])
    return [*lines, f"{sum(one.cost for one in found):.2f} $ an hour"]


def reasons(found: Sequence[Pod], standings: Mapping[str, Standing]) -> list[str]:
    """Return a line for each pod of which there is something to say: why it stands so, and what to do about it."""
    told = ((short(one.name), standings[one.id]) for one in found)
    lines = (
        f"{name}  {one.word}{f': {one.why}' if one.why else ''}; next: {one.next}" for name, one in told if one.next
    )
    return [plain(line) for line in lines]


def _row(pod: Pod, standing: Standing) -> tuple[str, ...]:
    reached = f"{pod.ssh.user}@{pod.ssh.host} port {pod.ssh.port}" if pod.ssh else "-"
    cost = f"{pod.cost:.2f}{' spot' if standing.spot else ''}"
    cells = (short(pod.name), standing.word, gpu_of(pod), pod.data_center or "-", cost, reached)
    return (*(plain(cell) for cell in cells), ago(pod.started) if pod.started else "-")


def _within(seconds: float | None) -> str:
    from dgops.agent.spend import lasting

    return "-" if seconds is None else lasting(seconds)


def limits_of(pod: Pod, spent: float) -> str:
    """Return a pod's limits in words and when they stop it, empty where it has none."""
    from dgops.pods import limits

    words, left = limits.described(limits.of(pod)), limits.stops_in(pod, spent)
    return f"{words}; stops in {_within(left)}" if left is not None else words


def gpu_of(pod: Pod) -> str:
    """Return a pod's GPUs in a word; one that started without any says so."""
    if not pod.gpu_count:
        return "no GPU"
    return f"{pod.gpu_count} × {pod.gpu_name}" if pod.gpu_count > 1 else pod.gpu_name


def pod_json(pod: Pod, standing: Standing | None = None) -> dict[str, Any]:
    """Return a pod as JSON, with how it stands where somebody looked."""
    stands = (
        {"state": standing.word, "why": standing.why or None, "next": standing.next or None, "spot": standing.spot}
        if standing
        else {}
    )
    return {**asdict(pod), "actions": list(pod.actions), "short": short(pod.name), **stands}


def costs(found: Sequence[Bill], by_id: Mapping[str, Pod]) -> list[str]:
    """Return one line for each pod that cost something, and what they cost together."""
    head = ("POD", "ID", "GPU $", "DISK $", "$")
    rows = [
        (short(by_id[one.pod_id].name) if one.pod_id in by_id else "gone", one.pod_id, *_dollars(one)) for one in found
    ]
    lines = columns([head, *(tuple(plain(cell) for cell in row) for row in rows)]) if rows else []
    return [*lines, f"{sum(one.total for one in found):.2f} $ in all"]


def _dollars(bill: Bill) -> tuple[str, str, str]:
    return f"{bill.gpu:.2f}", f"{bill.disk:.2f}", f"{bill.total:.2f}"


def volumes(found: Sequence[Volume]) -> list[str]:
    """Return one line for each volume."""
    head = ("VOLUME", "ID", "SIZE", "WHERE", "KIND")
    rows = [(one.name, one.id, f"{one.size_gb} GB", one.data_center, one.kind or "-") for one in found]
    return columns([head, *(tuple(plain(cell) for cell in row) for row in rows)])


def offers(found: Sequence[Offer], profile: str) -> list[str]:
    """Return one line for each offer that is in stock, then once for each GPU why a profile cannot work on it."""
    shown = [one for one in found if one.stock not in ("none", "") and (not profile or one.fits)]
    head = ("GPU", "VRAM", "WHERE", "STOCK", "$/H", "SPOT", "FITS")
    rows = [
        (
            one.gpu.name,
            f"{one.gpu.memory_gb} GB",
            one.data_center,
            one.stock,
            f"{one.price:.2f}",
            f"{one.spot:.2f}" if one.spot else "-",
            _fits(one),
        )
        for one in shown
    ]
    lines = columns([head, *(tuple(plain(cell) for cell in row) for row in rows)]) if rows else []
    reasons = {
        f"{plain(one.gpu.name)}: not {verdict.profile}: {verdict.reason}": None
        for one in found
        for verdict in one.verdicts
        if not verdict.ok and (profile or not one.fits)
    }
    unknown = {
        f"{plain(one.gpu.name)}: in no table of ours, so nobody says what fits": None
        for one in found
        if not one.verdicts
    }
    return [*lines, *reasons, *unknown]


def _fits(offer: Offer) -> str:
    return " ".join(sorted(offer.fits)) or "-"


def offer_json(offer: Offer) -> dict[str, Any]:
    """Return an offer as JSON, with the reason of each profile that cannot work."""
    return {
        "gpu": offer.gpu.name,
        "id": offer.gpu.id,
        "vram_gb": offer.gpu.memory_gb,
        "data_center": offer.data_center,
        "stock": offer.stock or None,
        "price": offer.price,
        "spot_price": offer.spot or None,
        "known": bool(offer.verdicts),
        "profiles": {one.profile: {"ok": one.ok, "reason": None if one.ok else one.reason} for one in offer.verdicts},
    }
