"""Look at hosts: one round trip each, all at once, and judge what was seen."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError, RemoteError, UnreachableError
from dgops.health import contract as contracts
from dgops.health.check import Check, CheckResult, Outcome
from dgops.health.fanout import each
from dgops.health.judge import judge, one_line
from dgops.transport import agent
from dgops.transport.connect import connect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dgops.health.contract import Contract
    from dgops.hosts.host import Host
    from dgops.settings import Settings
    from dgops.transport.protocol import Transport

DEADLINE = 60.0
# The agent's own deadline for a deep look comes first.
DEEP_DEADLINE = 1900.0
MOST_BYTES = 1 << 62
ATTESTED = ("venv", "wheel")
HASHED = (*ATTESTED, "program")
MOST_FINDINGS = 20
MARKER = Check("contract", "the host carries this controller's contract", "state", "file", {})
REACH = Check("contract", "the host can be looked at", "live", "port", {})


@dataclass(frozen=True)
class HostHealth:
    """What a look at one host found; `error` is set where nobody could look."""

    host: str
    outcome: Outcome
    seconds: float
    results: tuple[CheckResult, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    contract: Contract | None = None
    error: DgopsError | None = None
    # The agent's look at what roles depend on.
    seen: dict[str, Any] = field(default_factory=dict)

    def failures(self, kind: str | None = None) -> list[CheckResult]:
        """Return the results that do not hold, of one kind or of all."""
        bad = (Outcome.FAIL, Outcome.ERROR)
        return [one for one in self.results if one.outcome in bad and kind in (None, one.check.kind)]

    def mend(self, result: CheckResult) -> str:
        """Return the next step for one of the results, empty where none is known: a deploy restores all state."""
        if result.mend or result.outcome is not Outcome.FAIL or result.check.kind != "state":
            return result.mend
        return f"dgops deploy --host {self.host}"


def look_at_all(hosts: Sequence[Host], settings: Settings, workers: int, *, deep: bool = False) -> Iterator[HostHealth]:
    """Look at every host in threads, in the order of hosts; an unreachable one is a result like any other."""
    yield from each(lambda host: look_at(host, settings, deep=deep), hosts, workers)


def look_at(host: Host, settings: Settings, *, deep: bool = False) -> HostHealth:
    """Look at one host over a connection of its own; a deep look hashes venvs and models, which takes minutes."""
    started = time.monotonic()
    try:
        kept = contracts.read(settings.state, host.name)
        transport = connect(host, settings)
        try:
            return examine(transport, host, kept, started, deep=deep)
        finally:
            transport.close()
    except DgopsError as error:
        return _not_seen(host, error, time.monotonic() - started)


def examine(
    transport: Transport, host: Host, kept: Contract | None, started: float, *, deep: bool = False
) -> HostHealth:
    """Probe an open host and judge it against its contract."""
    return judged(host, kept, probe(transport, host, kept, deep=deep), started)


def probe(
    transport: Transport, host: Host, kept: Contract | None, *, live: bool = True, deep: bool = False
) -> dict[str, Any]:
    """Return what the agent answers about a contract's checks, in one round trip.

    Without live ones where only the state matters; deep hashes every file of the venvs and of the models.
    """
    request: dict[str, Any] = {"checks": [], "persistent_root": host.variables.get("persistent_root"), "deep": deep}
    if kept:
        request["checks"] = [_request(check, deep) for check in _asked(kept, live)]
        request.update(runtime=kept.runtime, persistent_root=kept.persistent_root)
        request["look"] = dict(kept.asked)
    asked = time.time()
    answer = agent.call(transport, "probe", request, timeout=DEEP_DEADLINE if deep else DEADLINE)
    _require_shape(host, answer, len(request["checks"]))
    return {**answer, "clock": _clock(answer.get("clock"), asked, time.time())}


def _asked(kept: Contract, live: bool) -> list[Check]:
    return [check for check in kept.checks if live or check.kind == "state"]


def judged(
    host: Host, kept: Contract | None, answer: dict[str, Any], started: float, *, live: bool = True
) -> HostHealth:
    """Return a probe's answer judged against the contract that it was asked about."""
    pairs = list(zip(_asked(kept, live), answer["observations"], strict=True)) if kept else []
    pairs = [(check, answer["clock"] if check.type == "clock" else seen) for check, seen in pairs]
    held = [judge(check, observation, kept.mode) for check, observation in pairs] if kept else []
    results = [judge_marker(kept, answer["marker"]), *held]
    facts = {
        "disk": _disk(answer["facts"].get("disk")),
        "state_seconds": answer.get("state_seconds", 0.0),
        "live": _live_facts(pairs),
        "attest": _attested(held, answer["observations"]),
    }
    outcome = Outcome.PASS if all(one.outcome in (Outcome.PASS, Outcome.SKIP) for one in results) else Outcome.FAIL
    seen = answer.get("seen")
    took = time.monotonic() - started
    return HostHealth(
        host.name, outcome, took, tuple(results), facts, kept, seen=seen if isinstance(seen, dict) else {}
    )


def _request(check: Check, deep: bool) -> dict[str, Any]:
    return {**check.request(), "deep": True} if deep and check.type in HASHED else check.request()


def _attested(results: list[CheckResult], observations: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return path of a venv → whether it holds, the first findings, and how many there are, of all checks of it."""
    found: dict[str, dict[str, Any]] = {}
    for result, observation in zip(results, observations, strict=True):
        if result.check.type in ATTESTED and result.check.kind == "state":
            one = found.setdefault(str(result.check.wanted["path"]), {"holds": True, "findings": [], "count": 0})
            if result.outcome is not Outcome.PASS:
                words, total = _findings(result, observation)
                one["holds"] = False
                one["findings"] = [*one["findings"], *words][:MOST_FINDINGS]
                one["count"] += total
    return found


def _findings(result: CheckResult, observation: dict[str, Any]) -> tuple[list[str], int]:
    seen = observation.get("seen")
    words = seen.get("findings") if isinstance(seen, dict) else None
    if not isinstance(words, list) or not words or result.outcome is Outcome.ERROR:
        return [result.observed], 1
    return [one_line(word) for word in words[:MOST_FINDINGS]], int(seen["total"]) if seen else 1


def _require_shape(host: Host, answer: dict[str, Any], count: int) -> None:
    """Refuse an answer that is not what a probe gives: the host may be anything."""
    observations, marker = answer.get("observations"), answer.get("marker")
    good = isinstance(observations, list) and len(observations) == count
    good = good and all(isinstance(one, dict) for one in observations or ())
    good = good and isinstance(answer.get("facts"), dict) and (marker is None or isinstance(marker, dict))
    if not good:
        raise RemoteError(f"{host.name} answered the probe with something else", "is this the host that you mean?")


def _clock(seen: Any, asked: float, answered: float) -> dict[str, Any]:
    """Return how far the host's clock is ahead of ours, and within how many seconds that is known.

    As NTP does it (RFC 5905, section 8): `seen` is the host's time when the request came and when its answer went.
    """
    known = dict(zip(("came", "went"), seen, strict=False)) if isinstance(seen, list) else {}
    if not _are_counts(known, "came", "went"):
        return {"error": "the host does not tell the time"}
    came, went = known["came"], known["went"]
    way = (answered - asked) - (went - came)
    return {"seen": {"offset": ((came - asked) + (went - answered)) / 2, "within": max(0.0, way / 2)}}


def _live_facts(pairs: list[tuple[Check, dict[str, Any]]]) -> dict[str, Any]:
    """Return what live checks saw by type, for table and reports; what has another shape is left out."""
    return {
        check.type: observation["seen"]
        for check, observation in pairs
        if check.kind == "live" and _is_shown(check.type, observation.get("seen"))
    }


def _is_shown(kind: str, seen: Any) -> bool:
    """Say whether a host's answer has the shape that table and reports read: a skipped check was judged by nobody."""
    if not isinstance(seen, dict):
        return False
    if kind in ("memory", "shm"):
        return _are_counts(seen, "free", "total")
    gpus = seen.get("gpus") if kind == "gpu" else []
    return isinstance(gpus, list) and all(
        isinstance(gpu, dict) and isinstance(gpu.get("name"), str) and _are_counts(gpu, "free", "total") for gpu in gpus
    )


def _disk(seen: Any) -> dict[str, Any] | None:
    """Return what was seen of the persistent root's disk, None where it is no such thing."""
    good = isinstance(seen, dict) and _are_counts(seen, "free", "total")
    return {**seen, "path": one_line(seen.get("path")), "type": one_line(seen.get("type"))} if good else None


def _are_counts(seen: dict[str, Any], *keys: str) -> bool:
    """Say whether these are numbers of bytes that can be."""
    return all(isinstance(seen.get(key), (int, float)) and 0 <= seen[key] < MOST_BYTES for key in keys)


def judge_marker(kept: Contract | None, marker: dict[str, Any] | None) -> CheckResult:
    """Return whether a host's marker is the copy of this controller's contract."""
    if kept is None:
        return CheckResult(MARKER, Outcome.FAIL, "a contract", "this controller never deployed it")
    expected = f"contract {kept.id[:12]}"
    if marker is None:
        return CheckResult(MARKER, Outcome.FAIL, expected, "none: the host is fresh, or a deploy did not finish")
    if marker.get("id") != kept.id:
        by = one_line(
            f"contract {str(marker.get('id'))[:12]} by {marker.get('deployed_by')} at {marker.get('deployed_at')}"
        )
        return CheckResult(MARKER, Outcome.FAIL, expected, by)
    return CheckResult(MARKER, Outcome.PASS, expected, expected)


def _not_seen(host: Host, error: DgopsError, seconds: float) -> HostHealth:
    result = CheckResult(REACH, Outcome.ERROR, "an answer", error.message, error.hint)
    outcome = Outcome.ERROR if isinstance(error, UnreachableError) else Outcome.FAIL
    return HostHealth(host.name, outcome, seconds, (result,), error=error)
