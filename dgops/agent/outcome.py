"""How a command ended: its status, and in one line what failed first."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from dgops.agent import failure, logparts

if TYPE_CHECKING:
    from dgops.agent.logfile import Log

# How much of a log's end is searched for the first failing line.
TAIL = 1 << 18

Outcome = Dict[str, Any]


def of_command(
    folder: str, spec: Dict[str, Any], argv: List[str], code: Optional[int], logs: Dict[str, Log], since: Dict[str, int]
) -> Outcome:
    """Return status, exit code, first failure and reason of a command that was let run to its end.

    `since` holds the offset in each log that it began at.
    """
    outcome: Outcome = {"exit_code": code, "status": "failed", "reason": unwritten(logs), "first_failure": None}
    if code:
        said = [logparts.tail(logs[name].path, TAIL, since[name]) for name in ("stderr", "stdout")]
        found = failure.of_command(argv, code, [one.decode(errors="replace") for one in said])
        return dict(outcome, first_failure=found)
    missing = [one for one in spec["outputs"] if not os.path.exists(os.path.join(folder, "work", one))]
    if missing:
        words = "declared output {} was not written".format(", ".join(missing))
        return dict(outcome, first_failure=words, reason=outcome["reason"] or words)
    return dict(outcome, status="succeeded")


def unwritten(logs: Dict[str, Log]) -> Optional[str]:
    """Return what was lost of the output, None where nothing was."""
    lost = sum(log.lost for log in logs.values())
    complaint = next((log.complaint for log in logs.values() if log.complaint), None)
    return "{} bytes of its output could not be written: {}".format(lost, complaint) if lost else None


def of_accident(error: BaseException) -> str:
    """Return what went wrong: a sentence of the agent's own or the system's, else with the kind of the accident."""
    if isinstance(error, OSError) and error.args:
        return "{}: {}".format(error.filename, error.strerror) if error.filename else error.strerror or str(error)
    return "{}: {}".format(type(error).__name__, error)
