"""The id of what a person started: W3C's trace id, the same on every machine and in every child that works for it.

Format: https://www.w3.org/TR/trace-context/#traceparent-header
"""

from __future__ import annotations

import os
import re
from functools import lru_cache

VARIABLE = "TRACEPARENT"
FORM = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


@lru_cache(maxsize=1)
def trace_id() -> str:
    """Return the id of this command's trace: 32 hexadecimal digits, handed down by who started it, else new."""
    found = FORM.fullmatch(os.environ.get(VARIABLE, ""))
    return found.group(1) if found and set(found.group(1)) != {"0"} else os.urandom(16).hex()


def traceparent() -> str:
    """Return what a child gets in its environment as TRACEPARENT: the trace, and a span of its own."""
    return f"00-{trace_id()}-{os.urandom(8).hex()}-01"
