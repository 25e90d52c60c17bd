"""From an operation to a supervisor: a directory made whole, and a process that no connection ends."""

from __future__ import annotations

import os
import shutil
import signal
from typing import Any, Dict

from dgops.agent import jobdir, process
from dgops.agent.ready import readable
from dgops.agent.supervise import Supervisor

DEADLINE = 30.0


def spawn(order: Dict[str, Any]) -> None:
    """Start the supervisor of an order and return when the job is recorded in its place.

    With `again` in the order its directory is there, and the job goes on in it. The caller holds the lock that lets
    one submit at a time in. Raises OSError with the supervisor's own words.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            os.setsid()
            if os.fork() == 0:
                _keep(order, writer)
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    try:
        heard = readable(reader, DEADLINE)
        words = os.read(reader, 4096).decode(errors="replace") if heard else "no word within {:.0f} s".format(DEADLINE)
    finally:
        os.close(reader)
    if words != "ok":
        raise OSError("the job's supervisor did not start: {}".format(words or "it died"))


def _keep(order: Dict[str, Any], writer: int) -> None:
    wake = _loosen(order, writer)
    folder = os.path.join(jobdir.jobs_folder(order["base"]), order["spec"]["id"])
    try:
        if order.get("again"):
            supervisor = Supervisor(folder, order, wake)
        else:
            made = _make(folder, order["spec"])
            supervisor = Supervisor(made, order, wake)
            # Seen only when it is recorded: a directory without a living supervisor is a lost job.
            os.rename(made, folder)
        jobdir.sync_folder(os.path.dirname(folder))
    except OSError as error:
        os.write(writer, "{}: {}".format(error.strerror or error, error.filename or folder).encode()[:4000])
        return
    os.write(writer, b"ok")
    os.close(writer)
    supervisor.run(folder)


def _loosen(order: Dict[str, Any], writer: int) -> int:
    """Cut every tie to the connection and return the pipe on which signals wake the supervisor."""
    process.untie(writer, 0o022)
    # Its memory holds secrets: no other process of the user may look into it.
    process.control(process.PR_SET_DUMPABLE, 0)
    # What the command leaves behind becomes its child, and is found.
    process.control(process.PR_SET_CHILD_SUBREAPER, 1)
    wake, woken = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    order["told"] = []
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.signal(signal.SIGTERM, lambda number, frame: order["told"].append(number))
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    return wake


def _make(folder: str, spec: Dict[str, Any]) -> str:
    made = os.path.join(os.path.dirname(folder), "." + os.path.basename(folder) + ".new")
    if os.path.lexists(made):
        # From a submit that did not come to its end.
        shutil.rmtree(made)
    os.mkdir(made, 0o700)
    for name in ("work", "samples"):
        os.mkdir(os.path.join(made, name))
    jobdir.write_json(made, "spec.json", spec)
    return made
