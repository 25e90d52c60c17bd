"""What every line of the log goes through, in this order; it ends as one write of one JSON object.

Loaded with the first line: structlog's import is most of what that line costs.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, cast

import structlog

from dgops.events.trace import trace_id

if TYPE_CHECKING:
    from typing import BinaryIO

    from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

    from dgops.events.clean import Cleaner

SERVICE = "dgops"
LONGEST = 64 << 10


def logger(file: BinaryIO, cleaner: Cleaner) -> FilteringBoundLogger:
    """Return what writes lines of this command to a file without a buffer: `log.info(event, message=…, context={…})`.

    Raises OSError when a line cannot be written.
    """

    def clean(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
        """Take what is secret out of a line, and put its fields in the order that people read."""
        return {
            "timestamp": line["timestamp"],
            "level": line["level"],
            "service": line["service"],
            "correlation_id": line["correlation_id"],
            "event": line["event"],
            "message": cleaner.text(line["message"]),
            "context": cleaner.value(line["context"]),
        }

    made = structlog.wrap_logger(
        structlog.BytesLogger(file),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            clean,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        service=SERVICE,
        correlation_id=trace_id(),
    )
    return cast("FilteringBoundLogger", made)


def render(_logger: Any, _method: str, line: EventDict) -> bytes:
    """Return a line as JSON, cut where it is endless."""
    text = json.dumps(line)
    if len(text) > LONGEST:
        text = json.dumps({**line, "message": line["message"][:1000], "context": {"cut": len(text)}})
    return text.encode()
