"""The start of a job's command: its environment, its session and its pipes."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
from typing import Any, Dict, NamedTuple

from dgops.agent import gpus, process

PATH = (
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:"
    "/usr/local/nvidia/bin:/usr/local/cuda/bin:/usr/lib/wsl/lib"
)
# W3C's, of which a traceparent is made for what the job calls.
TRACE = re.compile(r"[0-9a-f]{32}\Z")
# What a shell answers.
NOT_EXECUTABLE, NOT_FOUND = 126, 127


class LaunchError(Exception):
    """A command that could not be started, with the exit code that a shell would give."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Started(NamedTuple):
    """A running command: the head of its own session, and the ends of its pipes; `told` carries events of its own."""

    pid: int
    stdout: int
    stderr: int
    told: int
    handle: "subprocess.Popen[bytes]"


def start(folder: str, order: Dict[str, Any], held: Dict[int, int]) -> Started:
    """Start the command of an order; raises LaunchError, which says in words why it could not be."""
    spec = order["spec"]
    cwd = spec["cwd"] or os.path.join(folder, "work")
    env = environment(folder, order, held)
    if not os.path.isdir(cwd):
        raise LaunchError(NOT_FOUND, "{}: no such folder to work in".format(cwd))
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    told_read, told_write = os.pipe()
    env["DGOPS_EVENTS_FD"] = str(told_write)
    supervisor = os.getpid()
    try:
        handle = subprocess.Popen(
            spec["argv"],
            stdin=subprocess.DEVNULL,
            stdout=out_write,
            stderr=err_write,
            cwd=cwd,
            env=env,
            pass_fds=(told_write, *held.values()),
            start_new_session=True,
            preexec_fn=lambda: _tie(supervisor),
        )
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        os.close(out_read)
        os.close(err_read)
        os.close(told_read)
        raise LaunchError(*_explained(spec["argv"][0], cwd, env["PATH"], error)) from error
    finally:
        os.close(out_write)
        os.close(err_write)
        os.close(told_write)
    return Started(handle.pid, out_read, err_read, told_read, handle)


def environment(folder: str, order: Dict[str, Any], held: Dict[int, int]) -> Dict[str, str]:
    """Return what a login of the user would have, then what the job asks for, then what dgops tells it."""
    entry = pwd.getpwuid(os.geteuid())
    spec = order["spec"]
    env = {
        "HOME": entry.pw_dir,
        "USER": entry.pw_name,
        "LOGNAME": entry.pw_name,
        "SHELL": entry.pw_shell or "/bin/sh",
        "PATH": PATH,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    env.update(spec["env"])
    env.update(order["secrets"])
    env.update(gpus.environment(held))
    env["DGOPS_JOB_ID"] = spec["id"]
    env["DGOPS_CORRELATION_ID"] = spec["correlation"]
    if TRACE.match(spec["correlation"]):
        env["TRACEPARENT"] = "00-{}-{}-01".format(spec["correlation"], os.urandom(8).hex())
    env["DGOPS_JOB_DIR"] = folder
    env["DGOPS_ATTEMPT"] = str(order.get("attempt", 1))
    return env


def _tie(supervisor: int) -> None:
    """In the child: default signals, and death with the supervisor."""
    process.default_signals()
    process.control(process.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:
        os._exit(NOT_EXECUTABLE)


def _explained(program: str, cwd: str, path: str, error: Exception) -> "tuple[int, str]":
    if not isinstance(error, OSError):
        return NOT_EXECUTABLE, "{}: {}".format(program, error)
    found = os.path.join(cwd, program) if "/" in program else shutil.which(program, path=path)
    if isinstance(error, FileNotFoundError):
        if found and os.path.exists(found):
            return NOT_EXECUTABLE, "{}: the interpreter that its first line names does not exist".format(program)
        if "/" in program:
            return NOT_FOUND, "{}: there is no such file".format(program)
        return NOT_FOUND, "{}: command not found".format(program)
    if error.errno == 8:  # ENOEXEC
        return NOT_EXECUTABLE, "{}: no program: its first line names no interpreter (#!)".format(program)
    return NOT_EXECUTABLE, "{}: {}".format(program, error.strerror)
