"""Jobs on a host: submit, resume, list, show and cancel, each one request long."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from typing import Any, Callable, Dict, Iterator, Tuple

from dgops.agent import detach, gpus, jobdir, named, owner, process, spec, watch
from dgops.agent.owner import Refusal

Request = Dict[str, Any]
Answer = Dict[str, Any]
LOCKS = "/run/dgops"
LOCK_DEADLINE = 60.0


def answer(request: Request) -> Answer:
    """Answer one request; `op` is submit, resume, list, show or cancel.

    Runs as root and becomes the jobs' user for good before it touches one of his files.
    """
    try:
        return OPERATIONS[request["op"]](request)
    except Refusal as refusal:
        return refusal.answer


def submit(request: Request) -> Answer:
    """Start a job, or return the one that has this id and spec already."""
    with _turn(request) as (order, folder):
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        if not os.path.lexists(folder):
            detach.spawn(order)
    wanted = order["spec"]
    if jobdir.load_spec(folder) != wanted:
        raise Refusal("a job {} with another spec is there already".format(wanted["id"]), "take another id")
    return {"job": jobdir.view(folder)}


def resume(request: Request) -> Answer:
    """Let a lost job go on in its own folder, by its `resume` command; one that goes on already is left alone."""
    with _turn(request, again=True) as (order, folder):
        wanted = order["spec"]
        if os.path.islink(folder) or jobdir.load_spec(folder) != wanted:
            raise Refusal("there is no job {} with that spec on this host".format(wanted["id"]), "dgops jobs list")
        seen = jobdir.view(folder)
        if seen["status"] == "lost":
            _end_lost(folder)
            # Whoever cancelled it may let it go on all the same.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, "cancel"))
            detach.spawn(dict(order, again=seen["reason"] or "it was lost"))
        elif seen["status"] in jobdir.OVER:
            raise Refusal("job {} is over: {}".format(wanted["id"], seen["status"]), "run it anew")
    return {"job": jobdir.view(folder)}


def show_all(request: Request) -> Answer:
    """Return every job, newest first."""
    if not os.path.isdir(request["base"]):
        return {"jobs": []}
    owner.enter(request["base"])
    return {"jobs": jobdir.views(request["base"])}


def show(request: Request) -> Answer:
    """Return one job and its spec."""
    folder = named.folder_of(request)
    return {"job": jobdir.view(folder), "spec": jobdir.load_spec(folder)}


def cancel(request: Request) -> Answer:
    """Ask a job's supervisor to end it; where that one is gone, end what is left of the job."""
    folder = named.folder_of(request)
    if jobdir.view(folder)["status"] in ("queued", "running"):
        grace = request.get("grace")
        jobdir.write_json(folder, "cancel", {"grace": grace} if grace is not None else {})
        record = jobdir.read_json(os.path.join(folder, "status.json")) or {}
        keeper = record.get("supervisor")
        if keeper and process.gone(keeper) is None:
            process.send(signal.SIGTERM, {keeper["pid"]})
    seen = jobdir.view(folder)
    if seen["status"] == "lost":
        _end_lost(folder)
    return {"job": seen}


@contextlib.contextmanager
def _turn(request: Request, again: bool = False) -> Iterator[Tuple[Dict[str, Any], str]]:
    """Have the host for one order alone: yields it and its job's folder, with its GPUs ready, as the jobs' user."""
    order = _order(request)
    watch.ensure()
    base, wanted = request["base"], order["spec"]
    user = owner.entry(request["user"])
    os.makedirs(order["locks"], mode=0o755, exist_ok=True)
    folder = os.path.join(jobdir.jobs_folder(base), wanted["id"])
    with _alone(os.path.join(order["locks"], "jobs.lock")):
        # One that is only asked for twice is answered, whatever has become of the GPUs.
        if wanted["gpus"] and (again or not os.path.exists(folder)):
            _prepare_gpus(order, request["mode"])
        owner.own_base(base, user)
        yield order, folder


def _order(request: Request) -> Dict[str, Any]:
    wanted, secrets = request["spec"], request.get("secrets") or {}
    wrong = spec.complaint(wanted, secrets)
    if wrong or request["mode"] not in spec.MODES:
        raise Refusal("the job's spec is not good: {}".format(wrong or "unknown mode"), "dgops here and there differ?")
    locks = request.get("locks", LOCKS)
    return {"base": request["base"], "spec": wanted, "secrets": secrets, "locks": locks, "present": []}


def _prepare_gpus(order: Dict[str, Any], mode: str) -> None:
    present = gpus.found()
    refusal = gpus.refusal(order["spec"]["gpus"], present, mode)
    if refusal:
        raise Refusal(*refusal)
    order["present"] = present
    if present:
        gpus.prepare(order["locks"], present)


def _end_lost(folder: str) -> None:
    """Kill what is left of a lost job; its id in the environment tells its processes, whatever their numbers were."""
    record = jobdir.read_json(os.path.join(folder, "status.json")) or {}
    command = record.get("command")
    session = command["pid"] if isinstance(command, dict) and process.gone(command) is None else None
    until = time.monotonic() + 5
    while time.monotonic() < until:
        left = process.members(os.path.basename(folder), session)
        if not left:
            return
        process.send(signal.SIGKILL, left)
        time.sleep(0.05)


@contextlib.contextmanager
def _alone(path: str) -> Iterator[None]:
    """Hold a lock while a submit runs; waits for another's a while."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        until = time.monotonic() + LOCK_DEADLINE
        while not _try(descriptor):
            if time.monotonic() > until:
                raise OSError("another submit does not end")
            time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


OPERATIONS: Dict[str, Callable[[Request], Answer]] = {
    "submit": submit,
    "resume": resume,
    "list": show_all,
    "show": show,
    "cancel": cancel,
}
