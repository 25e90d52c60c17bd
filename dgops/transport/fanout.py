"""One command or the facts of many hosts at once, asked through pyinfra in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError
from dgops.transport.passing import empty_answer, host_to_json, settings_to_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dgops.hosts.host import Host
    from dgops.settings import Settings

# What a start, a name look-up and an ssh -G may take beside the connection and the command themselves.
SPARE_SECONDS = 20.0
FACTS = 8


def execute(hosts: Sequence[Host], argv: Sequence[str], settings: Settings, timeout: float) -> Iterator[dict[str, Any]]:
    """Run argv on every host; yields `{"host", "outcome", "exit", "stdout", "stderr", …}` as they come."""
    yield from _ask(hosts, list(argv), settings, timeout, timeout)


def facts(hosts: Sequence[Host], settings: Settings, timeout: float = 20.0) -> Iterator[dict[str, Any]]:
    """Ask every host for its facts; yields `{"host", "outcome", "facts", …}` as they come."""
    yield from _ask(hosts, [], settings, timeout, timeout * FACTS)


def _ask(
    hosts: Sequence[Host], argv: list[str], settings: Settings, timeout: float, longest: float
) -> Iterator[dict[str, Any]]:
    request = {
        "hosts": [host_to_json(host) for host in hosts],
        "settings": settings_to_json(settings),
        "forks": settings.forks,
        "argv": argv,
        "timeout": timeout,
    }
    rounds = -(-len(hosts) // settings.forks)
    deadline = SPARE_SECONDS + rounds * (longest + 4 * settings.connect_timeout)
    missing = {host.name for host in hosts}
    with tempfile.TemporaryFile("w+") as complaints:
        for answer in _worker(json.dumps(request), deadline, complaints):
            missing.discard(answer["host"])
            yield answer
        complaints.seek(0)
        last = (complaints.read().strip().splitlines() or [""])[-1]
    if missing and last:
        raise DgopsError(f"the fan-out ended without an answer from {', '.join(sorted(missing))}: {last}")
    for name in sorted(missing):
        message = f"{name}: no answer within {deadline:.0f} s"
        yield empty_answer(name, argv) | {"error": message, "seconds": deadline}


def _worker(request: str, deadline: float, complaints: Any) -> Iterator[dict[str, Any]]:
    child = subprocess.Popen(
        [sys.executable, "-m", "dgops.transport.fanout_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        text=True,
        start_new_session=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    timer = threading.Timer(deadline, _kill, (child,))
    timer.start()
    try:
        with contextlib.suppress(BrokenPipeError), child.stdin:
            child.stdin.write(request)
        with child.stdout:
            for line in child.stdout:
                yield json.loads(line)
    finally:
        timer.cancel()
        if child.poll() is None:
            # Its output is over: give it a moment to end by itself, unless we are the ones who leave.
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(2)
        _kill(child)
        child.wait()


def _kill(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
