"""What a rented pod may cost, judged from values alone; a pod and whoever watches it come to the same verdict."""

from __future__ import annotations

import math
import re
from typing import List, Mapping, NamedTuple, Optional, Tuple

# What `dgops pod create` writes into a pod's environment: whole seconds, dollars, dollars an hour, percent.
TTL, MAX_COST, PRICE, IDLE, IDLE_GPU = "DGOPS_TTL", "DGOPS_MAX_COST", "DGOPS_PRICE", "DGOPS_IDLE", "DGOPS_IDLE_GPU"
NAMES = (TTL, MAX_COST, PRICE, IDLE, IDLE_GPU)
# Where the provider answers, if elsewhere than by default.
API_URL = "DGOPS_API_URL"
GO, WARN, STOP = "go", "warn", "stop"
# How long before its end a pod says so.
NOTICE = 300.0
QUIET_GPU = 10.0
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Limits(NamedTuple):
    """What a pod may: seconds of each run, dollars since it was rented, seconds without work; None: no such limit."""

    ttl: Optional[float] = None
    max_cost: Optional[float] = None
    price: float = 0.0
    idle: Optional[float] = None
    idle_gpu: float = QUIET_GPU

    def any(self) -> bool:
        """Tell whether there is a limit at all."""
        return (self.ttl, self.max_cost, self.idle) != (None, None, None)


class State(NamedTuple):
    """How a pod stands: seconds of this run, dollars since it was rented, seconds without work.

    `kept`: there is a persistent root, so that a stop loses nothing.
    """

    running: float
    spent: float = 0.0
    idle: float = 0.0
    kept: bool = True


class Verdict(NamedTuple):
    """What is to be done and why; `left` is the seconds until a stop at the soonest, None where none will come."""

    action: str
    reason: str
    left: Optional[float]


class _End(NamedTuple):
    left: float
    words: str
    # Money is spent whatever becomes of edits; the others may wait for them.
    final: bool


def judge(limits: Limits, state: State) -> Verdict:
    """Return the verdict: go on, warn, or spool and stop."""
    ends = _ends(limits, state)
    # A stop wipes what is nowhere else: without a persistent root only money counts.
    coming = sorted(end for end in ends if end.final or state.kept)
    held = sorted(end for end in ends if not end.final and not state.kept and end.left <= 0)
    left = max(0.0, coming[0].left) if coming else None
    if coming and coming[0].left <= 0:
        return Verdict(STOP, coming[0].words, 0.0)
    if held:
        until = "goes on until {}".format(_dollars(limits.max_cost)) if limits.max_cost else "is not stopped"
        return Verdict(WARN, "{}; without a persistent root it {}".format(held[0].words, until), left)
    if left is not None and left <= NOTICE:
        return Verdict(WARN, "stops in {}: {}".format(lasting(left), coming[0].words), left)
    return Verdict(GO, coming[0].words if coming else "", left)


def limits_of(environment: Mapping[str, str]) -> Tuple[Limits, List[str]]:
    """Return the limits that a pod's environment states, and what in it states none."""
    found, faults = {}, []
    for name in NAMES:
        text = environment.get(name, "")
        value = _number(text)
        if text and value is None:
            faults.append("{} is {!r}, which is no limit".format(name, text[:40]))
        found[name] = value
    if found[MAX_COST] and not found[PRICE]:
        faults.append("{} counts only with {}".format(MAX_COST, PRICE))
    quiet = found[IDLE_GPU]
    limits = Limits(
        found[TTL], found[MAX_COST], found[PRICE] or 0.0, found[IDLE], QUIET_GPU if quiet is None else quiet
    )
    return limits, faults


def cost(price: float, seconds: float) -> float:
    """Return what so many seconds cost at so many dollars an hour."""
    return price * seconds / 3600


def duration(text: str) -> float:
    """Return the seconds of a length of time such as 8h, 90m or 45s; raises ValueError where it is none."""
    match = _LENGTH.fullmatch(text)
    if not match or not float(match[1]):
        raise ValueError("{!r} is no length of time such as 8h, 90m or 45s".format(text[:40]))
    return float(match[1]) * _SECONDS[match[2]]


def lasting(seconds: float) -> str:
    """Return a length of time as a person reads it."""
    if seconds < 120:
        return "{:.0f} s".format(seconds)
    minutes = int(seconds // 60)
    if minutes < 120:
        return "{} min".format(minutes)
    return "{} h {} min".format(minutes // 60, minutes % 60) if minutes % 60 else "{} h".format(minutes // 60)


def _ends(limits: Limits, state: State) -> List[_End]:
    ends = []
    if limits.ttl is not None:
        ends.append(_End(limits.ttl - state.running, "its TTL of {}".format(lasting(limits.ttl)), False))
    if limits.max_cost is not None and limits.price > 0:
        left = (limits.max_cost - state.spent) / limits.price * 3600
        ends.append(_End(left, "its ceiling of {}".format(_dollars(limits.max_cost)), True))
    if limits.idle is not None:
        ends.append(_End(limits.idle - state.idle, "idle for {}".format(lasting(limits.idle)), False))
    return ends


def _dollars(amount: Optional[float]) -> str:
    return "{:.2f} $".format(amount or 0.0)


def _number(text: str) -> Optional[float]:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
