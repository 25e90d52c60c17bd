"""The first failing line: what really went wrong, beneath the wrappers that report it."""

from __future__ import annotations

import re
from typing import Iterator, List, Optional, Tuple

# The order is the priority: the text of a cause outranks the text of its consequence.
CAUSES = [
    re.compile(pattern)
    for pattern in (
        r"No space left on device",
        r"Disk quota exceeded",
        r"Read-only file system",
        r"CERTIFICATE_VERIFY_FAILED",
        r"Temporary failure (in name resolution|resolving)|Name or service not known|Could not resolve",
        r"Network is unreachable|No route to host|Connection (refused|timed out|reset)",
        r"CUDA out of memory|OutOfMemoryError|Cannot allocate memory|can't allocate memory|std::bad_alloc|"
        r"CUBLAS_STATUS_ALLOC_FAILED|Out of memory: Killed",
        r"CUDA error|no kernel image is available|Found no NVIDIA driver|driver version is insufficient|"
        r"Torch not compiled with CUDA|CUDNN_STATUS|CUBLAS_STATUS|NCCL (error|WARN)|Failed to initialize NVML",
        r"Could not get lock|is held by process|locked by another process",
        r"do not match the hashes|HASH(ES)? MISMATCH|Hash mismatch",
        r"Permission denied",
        r"command not found|: not found$|No such file or directory",
    )
]
ERRORS = re.compile(
    r"^(E: |Err:|ERROR|error:|fatal:|FAILED|[\w.]*(Error|Exception)\b.*:|.*: error:|\s*×|Killed|Segmentation fault)"
)
# Lines of a logger or a program that say so somewhere behind their time and name.
LOGGED = re.compile(
    r"\b(ERROR|FATAL|CRITICAL)\b|\b(fatal )?error: |^Fatal Python error|^\s*what\(\): |\bpanicked at\b|"
    # What `python -m` says of a module that is not there.
    r": No module named [\w.]+$"
)
# Lines that only say that something below failed.
WRAPPERS = re.compile(
    r"non-zero return code|returned non-zero exit status|CalledProcessError|MODULE FAILURE|"
    r"See stdout/stderr|subprocess-exited-with-error|^E: Failed to fetch|Some index files failed|"
    r"ChildFailedError|ProcessRaisedException|ProcessExitedException|\bmake(\[\d+\])?: \*\*\*|ninja: build stopped|"
    r"Error building extension|exits with return code|failed \(exitcode: |ExceptionGroup: |^SystemExit\b|"
    r"npm (ERR!|error) (code|errno|command failed|Exit status)|error Command failed with exit code|RayTaskError"
)
# Errors of those who waited for the one that failed.
CONSEQUENCES = re.compile(
    r"BrokenPipeError|EOFError|ConnectionResetError|Broken pipe|Connection reset by peer|"
    r"Watchdog caught collective|NCCL.*(remote process|timed? ?out|connection)|DistBackendError|"
    r"DataLoader worker .* (exited unexpectedly|is killed)|BrokenProcessPool|KeyboardInterrupt"
)
TRACEBACK = "Traceback (most recent call last):"
LINKS = ("The above exception was the direct cause", "During handling of the above exception")
# What launchers set before each line of a process, and what a group of exceptions draws beside its own.
PREFIX = re.compile(r"^(\[[\w.-]*rank[\w.-]*\]:|\([\w ]+pid=\d+[^)]*\)|[ ]*[|+](?:[-+ \d|]*[-+|])?)[ ]?")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f]")
LONGEST = 500
# How a shell words the end by a signal: 128 and its number.
SIGNALS = {
    129: "its connection was closed (SIGHUP)",
    130: "interrupted (SIGINT)",
    131: "SIGQUIT",
    132: "an instruction that this processor does not have (SIGILL)",
    134: "aborted (SIGABRT)",
    135: "SIGBUS: perhaps no shared memory left (/dev/shm)",
    136: "a calculation that cannot be done (SIGFPE)",
    137: "killed (SIGKILL), perhaps out of memory",
    139: "segmentation fault (SIGSEGV)",
    143: "told to end (SIGTERM)",
}
KILLED = 137


def first(text: str) -> Optional[str]:
    """Return the first line that names a cause, else the first that looks like an error, else None."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return _cause(lines) or _plain(lines)


def of_command(argv: List[str], code: int, logs: List[str]) -> str:
    """Return in one line why a command failed: out of its logs (stderr first), else what its exit code says.

    A traceback outranks other texts, its root what was raised on the way, and any real error a wrapper's.
    """
    read = [_lines(log) for log in logs]
    for look in (_missing, _shot) if code in (126, 127, KILLED) else ():
        found = next(filter(None, (look(lines, code) for lines in read)), None)
        if found:
            return found[:LONGEST]
    if code == KILLED:
        return "{}: {}".format(argv[0], SIGNALS[code])[:LONGEST]
    for strict in (True, False):
        for look_at in (_raised, _told):
            for lines in read:
                line = look_at(lines, strict)
                if line:
                    return line[:LONGEST]
    words = SIGNALS.get(code, "ended with exit code {} and did not say why".format(code))
    return "{}: {}".format(argv[0], words)[:LONGEST]


def _lines(log: str) -> List[str]:
    """Return lines without colours and launchers' prefixes; a progress bar leaves its last state."""
    plain = (ESCAPES.sub("", line.rstrip("\r").rpartition("\r")[2]) for line in log.split("\n"))
    return [PREFIX.sub("", line).rstrip() for line in plain]


def _missing(lines: List[str], code: int) -> Optional[str]:
    """Find what a shell says of a program that is not there, or cannot be run: its last word."""
    said = r"(: command not found|: not found|No such file or directory|Permission denied|[Ee]xec format error)"
    found = [line.strip() for line in lines if code != KILLED and re.search(said, line)]
    return found[-1] if found else None


def _shot(lines: List[str], code: int) -> Optional[str]:
    """Find a word of memory, or the shell's own of a child that was killed."""
    pattern = CAUSES[6].pattern + r"|\bKilled\b|[Oo]ut of memory|MemoryError|oom-kill"
    found = [line.strip() for line in lines if code == KILLED and re.search(pattern, line)]
    return found[-1] if found else None


def _raised(lines: List[str], strict: bool) -> Optional[str]:
    """Return the root of the last traceback that is no wrapper's; if not strict, also of one that waited for it."""
    for chain in reversed(list(_chains(lines))):
        for line in chain:
            if not WRAPPERS.search(line) and not (strict and CONSEQUENCES.search(line)):
                return line.strip()
    return None


def _told(lines: List[str], strict: bool) -> Optional[str]:
    stripped = [line.strip() for line in lines if line.strip()]
    real = [line for line in stripped if not WRAPPERS.search(line)]
    if strict:
        real = [line for line in real if not CONSEQUENCES.search(line)]
        found = [line for line in real if ERRORS.match(line) or LOGGED.search(line)]
        return _cause(real) or next(iter(found), None)
    return _cause(real) or _plain(stripped)


def _chains(lines: List[str]) -> Iterator[List[str]]:
    """Yield the exceptions of each traceback with those that led to it, the first raised first."""
    chain: List[str] = []
    linked = False
    position = 0
    while position < len(lines):
        line = lines[position]
        if TRACEBACK in line:
            grouped = "Exception Group" in line or bool(chain and "ExceptionGroup" in chain[-1])
            if chain and not linked and not grouped:
                yield chain
                chain = []
            position, raised = _exception(lines, position + 1)
            chain += [raised] if raised else []
            linked = False
        else:
            linked = linked or any(line.lstrip().startswith(words) for words in LINKS)
            position += 1
    if chain:
        yield chain


def _exception(lines: List[str], position: int) -> Tuple[int, Optional[str]]:
    """Return where a traceback's exception stands, and its line: the first that is not indented."""
    for at in range(position, len(lines)):
        if TRACEBACK in lines[at]:
            return at, None
        if lines[at] and not lines[at][0].isspace():
            return at + 1, lines[at]
    return len(lines), None


def _cause(lines: List[str]) -> Optional[str]:
    for cause in CAUSES:
        for line in lines:
            if cause.search(line):
                return line
    return None


def _plain(lines: List[str]) -> Optional[str]:
    found = [line for line in lines if ERRORS.match(line)]
    real = [line for line in found if not WRAPPERS.search(line)]
    # A traceback ends with its error; every other tool prints the cause first.
    if real and TRACEBACK in lines:
        return real[-1]
    return next(iter(real or found), None)
