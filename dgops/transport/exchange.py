"""One command on one SSH channel: standard input goes in while both outputs come out, until a deadline."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import paramiko

CHUNK = 1 << 16
# A host may be hostile or broken; what a command prints is held in memory here.
MAX_OUTPUT = 256 << 20
# What ssh itself returns for a command that a signal ended: paramiko drops the signal's name.
SIGNALLED = 255


class TooMuchOutput(Exception):  # noqa: N818 - a condition that ssh.py names, never shown as it is
    """The command printed more than fits."""


def exchange(channel: paramiko.Channel, line: str, stdin: bytes, until: float) -> tuple[int, bytes, bytes]:
    """Run a shell line on an open channel; returns exit code, output and errors.

    Raises TimeoutError at the deadline, ConnectionError where the connection is lost. The channel is closed
    in each case, so that nothing goes on reading or writing.
    """
    with contextlib.closing(channel):
        channel.settimeout(left(until))
        channel.exec_command(line)
        errors, problems = bytearray(), list[Exception]()
        threads = [
            threading.Thread(target=_drain_errors, args=(channel, errors, until, problems), daemon=True),
            threading.Thread(target=_feed, args=(channel, stdin), daemon=True),
        ]
        for thread in threads:
            thread.start()
        output = bytearray()
        _drain(channel.recv, channel, output, until)
        threads[0].join(left(until))
        if problems:
            raise problems[0]
        code = _exit_code(channel, until)
    return code, bytes(output), bytes(errors)


def _drain(read: Callable[[int], bytes], channel: paramiko.Channel, into: bytearray, until: float) -> None:
    while True:
        channel.settimeout(left(until))
        data = read(CHUNK)
        if not data:
            return
        into.extend(data)
        if len(into) > MAX_OUTPUT:
            raise TooMuchOutput


def _drain_errors(channel: paramiko.Channel, into: bytearray, until: float, problems: list[Exception]) -> None:
    try:
        _drain(channel.recv_stderr, channel, into, until)
    except (OSError, TooMuchOutput) as error:
        problems.append(error)
        channel.close()


def _feed(channel: paramiko.Channel, stdin: bytes) -> None:
    # A command may end, or close its input, without reading it all; that is its right.
    with contextlib.suppress(OSError, EOFError):
        channel.sendall(stdin)
        channel.shutdown_write()


def _exit_code(channel: paramiko.Channel, until: float) -> int:
    if not channel.status_event.wait(left(until)):
        raise TimeoutError
    code = channel.recv_exit_status()
    if code >= 0:
        return code
    transport = channel.get_transport()
    if transport is None or not transport.is_active():
        raise ConnectionError("the connection was lost")
    return SIGNALLED


def left(until: float) -> float:
    """Return the seconds until then; raises TimeoutError where there are none."""
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
