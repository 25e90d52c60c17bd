"""The first failing line: what really went wrong, beneath the wrappers that report it."""

from __future__ import annotations

import re
from typing import List, Optional

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
        r"CUDA out of memory|OutOfMemoryError|Cannot allocate memory",
        r"Could not get lock|is held by process",
        r"do not match the hashes|HASH(ES)? MISMATCH|Hash mismatch",
        r"Permission denied",
        r"command not found|No such file or directory",
    )
]
ERRORS = re.compile(
    r"^(E: |Err:|ERROR|error:|fatal:|FAILED|\w*(Error|Exception)\b.*:|.*: error:|\s*×|Killed|Segmentation fault)"
)
# Lines that only say that something below failed.
WRAPPERS = re.compile(
    r"non-zero return code|returned non-zero exit status|CalledProcessError|MODULE FAILURE|"
    r"See stdout/stderr|subprocess-exited-with-error|^E: Failed to fetch|Some index files failed"
)


def first(text: str) -> Optional[str]:
    """Return the first line that names a cause, else the first that looks like an error, else None."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for cause in CAUSES:
        for line in lines:
            if cause.search(line):
                return line
    return _plain(lines)


def _plain(lines: List[str]) -> Optional[str]:
    found = [line for line in lines if ERRORS.match(line)]
    real = [line for line in found if not WRAPPERS.search(line)]
    # A traceback ends with its error; every other tool prints the cause first.
    if real and "Traceback (most recent call last):" in lines:
        return real[-1]
    return next(iter(real or found), None)
