"""Processes as they are: who one is, whether it still lives, and which belong to a job."""

from __future__ import annotations

import os
import pwd
import signal
from typing import Any, Dict, List, NamedTuple, Optional, Set

try:
    import ctypes
except ImportError:  # A Python without libffi: the guard alone then ends what a killed supervisor leaves.
    ctypes = None  # type: ignore[assignment]

# The container's own count, under either kind of control groups.
MEMORY_EVENTS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36


class Process(NamedTuple):
    """One line of the process table; `start` is in clock ticks since the machine's boot, `cpu` in seconds of a core."""

    pid: int
    parent: int
    group: int
    session: int
    state: str
    start: int
    cpu: float


def look(pid: int) -> Optional[Process]:
    """Return a living process, None where there is none; a zombie is dead, and PID 1 of a pod never reaps it."""
    try:
        with open("/proc/{}/stat".format(pid), "rb") as stream:
            fields = stream.read().rsplit(b")", 1)[1].split()
    except (OSError, IndexError):
        return None
    state = fields[0].decode()
    if state in "ZXx":
        return None
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return Process(pid, int(fields[1]), int(fields[2]), int(fields[3]), state, int(fields[19]), cpu)


def table() -> List[Process]:
    """Return every living process."""
    found = (look(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return [one for one in found if one]


def boot() -> Dict[str, str]:
    """Identify this boot: the machine's boot id and the start of PID 1, since a restarted container keeps the id."""
    with open("/proc/sys/kernel/random/boot_id") as stream:
        boot_id = stream.read().strip()
    with open("/proc/1/stat", "rb") as stream:
        return {"boot": boot_id, "init": stream.read().rsplit(b")", 1)[1].split()[19].decode()}


def identity(pid: int) -> Dict[str, Any]:
    """Return what tells a process from every other one, before and after: boot, PID 1's start, pid, its start."""
    seen = look(pid)
    return dict(boot(), pid=pid, start=seen.start if seen else -1)


def gone(record: Any) -> Optional[str]:
    """Return the evidence that a recorded process is no more, None while it lives."""
    if not isinstance(record, dict):
        return "no process was recorded"
    if {key: record.get(key) for key in ("boot", "init")} != boot():
        return "the host restarted"
    pid = record.get("pid")
    seen = look(pid) if isinstance(pid, int) else None
    # The number alone proves nothing: it is given out again.
    return None if seen and seen.start == record.get("start") else "the agent's process is gone"


def members(job: str, session: Optional[int], ancestor: Optional[int] = None) -> Set[int]:
    """Return the living processes of a job, the caller left out.

    They are those of its session (`timeout` and shells with job control leave the group, not the session), those
    below its supervisor, and those that carry its id in their environment.
    """
    everybody = table()
    found = {one.pid for one in everybody if one.session == session} if session else set()
    if ancestor:
        found |= below(ancestor, everybody)
    found |= {one.pid for one in everybody if one.pid not in found and _carries(one.pid, job)}
    return found - {os.getpid(), 1}


def below(ancestor: int, everybody: List[Process]) -> Set[int]:
    """Return the children of a process, and theirs."""
    children: Dict[int, List[int]] = {}
    for one in everybody:
        children.setdefault(one.parent, []).append(one.pid)
    found: Set[int] = set()
    ahead = list(children.get(ancestor, ()))
    while ahead:
        pid = ahead.pop()
        found.add(pid)
        ahead.extend(children.get(pid, ()))
    return found


def send(number: int, pids: Set[int]) -> int:
    """Send a signal to each process that may have it and return to how many it went."""
    sent = 0
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue
        sent += 1
    return sent


def memory_kills() -> int:
    """Return how many processes the kernel has killed for want of memory here, 0 where it does not say."""
    for path in MEMORY_EVENTS:
        try:
            with open(path) as stream:
                counts = dict(line.split()[:2] for line in stream)
            return int(counts["oom_kill"])
        except (OSError, KeyError, ValueError):
            continue
    return 0


def become(uid: int, gid: int) -> None:
    """Become a user for good: this process serves one request. Modules must be loaded before: root's zip is his."""
    if os.geteuid() == uid:
        return
    try:
        os.initgroups(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:
        os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def control(option: int, value: int) -> None:
    """Set one of the process's own properties where this Python can (prctl)."""
    if ctypes is not None:
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def end_with(parent: int) -> None:
    """Have this process killed when its parent ends; where that was before it could be asked for, end at once."""
    control(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def untie(kept: int, mask: int) -> None:
    """Cut every tie to the connection that started this process; one descriptor stays, files are made by the mask."""
    os.umask(mask)
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.closerange(3, kept)
    os.closerange(kept + 1, 65536)


def default_signals() -> None:
    """Give a new command the signals that a login would: nothing ignored, nothing blocked."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _carries(pid: int, job: str) -> bool:
    try:
        with open("/proc/{}/environ".format(pid), "rb") as stream:
            return b"DGOPS_JOB_ID=" + job.encode() in stream.read().split(b"\0")
    except OSError:
        return False
