"""One program of a plan: started, its output passed on as it comes and read line by line, ended when it must."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from dgops.errors import DgopsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dgops.training.values import Step

CHUNK = 1 << 16
LONGEST_LINE = 1 << 16
ENDS = re.compile(rb"[\r\n]")
TICK = 0.5
GRACE = 20.0


def run(step: Step, folder: Path, saw: Callable[[str], None], tick: Callable[[], None]) -> int:
    """Run a program to its end and return its exit code; `saw` gets each state of a line, `tick` comes twice a second.

    What `saw` raises ends the program first: SIGINT, SIGTERM, SIGKILL.
    """
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", **step.env}
    try:
        started = subprocess.Popen(
            step.argv, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=-1, stderr=-1, bufsize=0
        )
    except OSError as error:
        raise DgopsError(
            f"{step.title}: {step.argv[0]}: {error.strerror or error}", "dgops deploy builds its venv"
        ) from None
    try:
        _carry(started, saw, tick)
        return started.wait(timeout=GRACE)
    except BaseException:
        _end(started)
        raise
    finally:
        for pipe in (started.stdout, started.stderr):
            if pipe:
                pipe.close()


def _carry(started: subprocess.Popen[bytes], saw: Callable[[str], None], tick: Callable[[], None]) -> None:
    """Pass output on until both pipes are closed, or the program has ended and somebody else holds them."""
    rest = {started.stdout: b"", started.stderr: b""}
    targets = {started.stdout: sys.stdout.buffer, started.stderr: sys.stderr.buffer}
    ended: float | None = None
    ticked = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for pipe in rest:
            assert pipe is not None
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select(TICK):
                data = os.read(key.fd, CHUNK)
                pipe = started.stdout if key.fileobj is started.stdout else started.stderr
                if not data:
                    selector.unregister(key.fileobj)
                    saw(rest[pipe].decode(errors="replace"))
                    continue
                targets[pipe].write(data)
                targets[pipe].flush()
                *lines, last = ENDS.split(rest[pipe] + data)
                # tqdm ends a state by beginning the next one: the newest is whole without an end.
                rest[pipe] = last[-LONGEST_LINE:]
                for line in [*lines, last]:
                    saw(line.decode(errors="replace"))
            clock = time.monotonic()
            if clock - ticked >= TICK:
                ticked = clock
                tick()
            if started.poll() is not None:
                ended = ended or clock
                if clock - ended > 2 * TICK:
                    return


def _end(started: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if started.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            started.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.wait(timeout=GRACE / 2)
