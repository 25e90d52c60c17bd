"""A host's look at itself: observed by root as for a controller, judged by the dgops that is installed there.

That runs as the owner of the runtime venv, and what it says is taken as any user's word.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import time
from typing import Any, Dict, List, Optional

from dgops.agent import notes, process, roots

REPORT, METRICS, NOTE, LOG = "health.json", "health.prom", "watch.json", "health.log"
# Neither a clock nor the watch can be held against itself; torch at work takes GPU memory, perhaps a training's last.
LEFT_OUT = ("clock", "torch", "watch")
# A look has deadlines of its own; what takes longer than both hangs.
LOOKING, JUDGING = 120.0, 30.0
# Of what judges: bytes of an answer, lines of news, letters of a line.
MOST_ANSWER, MOST_NEWS, LONGEST = 4 << 20, 200, 300
# What disks, other programs and our own mistakes may do to a look.
TROUBLES = (ArithmeticError, AttributeError, ImportError, LookupError, OSError, RuntimeError, TypeError, ValueError)

Contract = Dict[str, Any]
Process = Dict[str, Any]


class LookError(RuntimeError):
    """A look came to no result; the message says why."""


def look_and_note(contract: Contract, keeper: Process) -> None:
    """Look at this host once, and leave report, metrics and log where every user may read them."""
    try:
        found = look(contract)
        if roots.record(roots.CONTRACT) != contract:
            # A deploy began meanwhile: what it takes down for a moment is no news.
            return
        # The log first: what a kill leaves out of the note is news once more.
        _log(found["news"])
        notes.write(REPORT, json.dumps(found["report"]))
        notes.write(METRICS, found["metrics"])
        note(keeper, at=time.time(), **{key: found[key] for key in ("failing", "holding", "asked")})
    except TROUBLES as error:
        complain(str(error) if isinstance(error, LookError) else "{}: {}".format(type(error).__name__, error), keeper)


def look(contract: Contract) -> Dict[str, Any]:
    """Look at this host and have it judged; returns `report`, `metrics`, `news`, `failing`, `holding` and `asked`.

    Raises LookError where that cannot be done.
    """
    # Loaded here, as is whatever only a look needs: every job asks whether there is a watch.
    from dgops.agent import probe

    python = os.path.join(contract["runtime"], "bin", "python")
    if not os.path.exists(python):
        # Without it live checks would be root's own work, and nobody could judge them.
        raise LookError("{} cannot judge: it is not there".format(python))
    began = time.monotonic()
    asked = [one for one in contract["checks"] if one["type"] not in LEFT_OUT]
    request = {
        "checks": [{key: value for key, value in one.items() if key not in ("role", "name", "mend")} for one in asked],
        "persistent_root": contract["persistent_root"],
        "runtime": contract["runtime"],
    }
    question = {"contract": contract, "answer": probe.answer(request), "before": (noted() or {}).get("failing")}
    return _judged(dict(question, seconds=time.monotonic() - began), contract["runtime"])


def note(keeper: Process, **new: Any) -> None:
    """Note what is new of the watch, and its keeper; the rest stays, the trouble aside."""
    before = noted() or {}
    kept = {key: before.get(key) for key in ("since", "at", "failing", "holding", "asked")}
    kept["since"] = kept["since"] or time.time()
    try:
        notes.write(NOTE, json.dumps({**kept, "trouble": "", **new, "keeper": keeper}))
    except OSError:
        # A full disk: how old the last look is tells enough.
        return


def noted() -> Optional[Dict[str, Any]]:
    """Return what was noted last of the watch, None where there is none."""
    return notes.record(NOTE)


def complain(words: str, keeper: Process) -> None:
    """Note that a look came to nothing, and log it unless the last one did for the same reason."""
    from dgops.agent import redact

    trouble = redact.text(words, homes=False)[:LONGEST]
    if trouble != (noted() or {}).get("trouble"):
        _log(["the look came to nothing: " + trouble])
    # What was found earlier would be believed still.
    notes.remove(REPORT, METRICS)
    note(keeper, trouble=trouble)


def _judged(question: Dict[str, Any], runtime: str) -> Dict[str, Any]:
    from dgops.agent import observe

    python = os.path.join(runtime, "bin", "python")
    said, complained = os.memfd_create("dgops-said"), os.memfd_create("dgops-complained")
    try:
        owner = observe.owner_of(runtime)
        code = subprocess.run(
            [python, "-I", "-m", "dgops.health.watch"],
            input=json.dumps(question).encode(),
            stdout=said,
            stderr=complained,
            timeout=JUDGING,
            cwd="/",
            env=observe.environment(owner),
            preexec_fn=lambda: _confine(owner),
            check=False,
        ).returncode
        if code:
            lines = _content(complained).decode(errors="replace").strip().splitlines() or ["exit {}".format(code)]
            raise LookError("{} cannot judge: {}".format(python, lines[-1]))
        return _sensible(json.loads(_content(said)))
    except (OSError, KeyError, subprocess.SubprocessError) as error:
        raise LookError("{} cannot judge: {}".format(python, error)) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise LookError("{} judges in words that make no sense".format(python)) from error
    finally:
        os.close(said)
        os.close(complained)


def _confine(owner: str) -> None:
    from dgops.agent import observe

    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_ANSWER, MOST_ANSWER))
    observe.enter(owner)


def _content(descriptor: int) -> bytes:
    return os.pread(descriptor, MOST_ANSWER, 0)


def _sensible(found: Any) -> Dict[str, Any]:
    return {
        "report": dict(found["report"]),
        "metrics": str(found["metrics"]),
        "news": [str(one) for one in found["news"]][:MOST_NEWS],
        "failing": [[str(role), str(name)] for role, name in found["failing"]],
        "holding": int(found["holding"]),
        "asked": int(found["asked"]),
    }


def _log(lines: List[str]) -> None:
    try:
        notes.append(LOG, [_plain(line) for line in lines])
    except OSError:
        return


def _plain(line: str) -> str:
    # Root will read it in a terminal.
    return "".join(one if one.isprintable() else "?" for one in " ".join(line.split()))[:LONGEST]


def mine() -> Process:
    """Return what tells this process from every other one."""
    return process.identity(os.getpid())
