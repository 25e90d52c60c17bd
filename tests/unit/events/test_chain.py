"""The chain of structlog: a line comes out in one write, in order, and with nothing secret in it."""

import io
import json
import re

import pytest
import structlog

from dgops.events import chain, clean
from dgops.events.trace import trace_id


class Raw(io.RawIOBase):
    """A file without a buffer that remembers each write."""

    def __init__(self, error=None):
        self.writes, self.error = [], error

    def writable(self):
        return True

    def write(self, data):
        if self.error:
            raise self.error
        self.writes.append(bytes(data))
        return len(data)


@pytest.fixture
def raw():
    return Raw()


@pytest.fixture
def logger(raw):
    cleaner = clean.Cleaner()
    cleaner.register(["planted-value"])
    return chain.logger(raw, cleaner)


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_a_line(logger, raw, level):
    getattr(logger, level)("host.run", message="true", context={"host": "pod"})
    (line,) = raw.writes
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    record = json.loads(line)
    assert list(record) == ["timestamp", "level", "service", "correlation_id", "event", "message", "context"]
    assert record["level"] == level
    assert record["service"] == "dgops"
    assert record["correlation_id"] == trace_id()
    assert record["context"] == {"host": "pod"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", record["timestamp"])


def test_nothing_secret_comes_out(logger, raw):
    logger.info("a", message="it was planted-value", context={"token": "open-sesame", "deep": [{"x": "planted-value"}]})
    assert b"planted-value" not in raw.writes[0]
    assert b"open-sesame" not in raw.writes[0]


def test_an_endless_line_is_cut(logger, raw):
    logger.info("a", message="x" * 100_000, context={"more": "y" * 100_000})
    record = json.loads(raw.writes[0])
    assert len(record["message"]) == 1000
    assert record["context"]["cut"] > 200_000


def test_a_full_disk_is_told_to_who_writes():
    full = chain.logger(Raw(OSError(28, "No space left on device")), clean.Cleaner())
    with pytest.raises(OSError, match="No space"):
        full.info("a", message="b", context={})


def test_others_who_use_structlog_are_not_changed(logger, raw):
    before = structlog.get_config()
    logger.info("a", message="b", context={})
    assert structlog.get_config() == before
