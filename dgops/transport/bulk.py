"""One long answer of the agent by OpenSSH itself: Python's own SSH takes many times as long for a large file."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError, HostKeyError, RemoteError, UnreachableError
from dgops.events.trace import traceparent
from dgops.transport import agent, local
from dgops.transport.become import as_root
from dgops.transport.known_hosts import strict_options
from dgops.transport.ssh_config import own_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dgops.hosts.host import Host
    from dgops.settings import Settings

CHUNK = 1 << 20
IDLE_SECONDS = 60.0
LONGEST_LINE = 1 << 16
# OpenSSH ends with this where the connection is at fault, and not the command.
LOST = 255
# In hardware on both sides; the first of OpenSSH's own list is not. What a server lacks is passed over.
CIPHERS = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"


def stream(
    host: Host, settings: Settings, command: str, request: dict[str, Any], sink: Callable[[bytes], None]
) -> dict[str, Any]:
    """Run one of the agent's commands and hand what follows its answer to sink, piece by piece; returns the answer.

    The agent must be there already. Raises UnreachableError where the way is cut or nothing comes for a minute,
    HostKeyError where the host shows another key, RemoteError where the agent fails; what sink raises ends it.
    """
    argv = as_root(agent.command_line(command))
    here = host.connection == "local"
    try:
        running = subprocess.Popen(
            argv if here else _over_ssh(host, settings, argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Only here is it the host: a relative path in a person's ssh configuration means where he is.
            cwd=Path.home() if here else None,
            env=local.environment() if here else None,
            bufsize=0,
            pipesize=CHUNK,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise DgopsError("ssh is not installed here", "apt-get install openssh-client") from None
    with running:
        try:
            return _taken(host, running, request, sink)
        finally:
            running.kill()


def _over_ssh(host: Host, settings: Settings, argv: list[str]) -> list[str]:
    """Return the command line; no -F, since a person's own configuration says how to reach a host."""
    options = {
        **strict_options(host.alias, settings.state.absolute() / "known_hosts"),
        "BatchMode": "yes",
        "Ciphers": CIPHERS,
        "Compression": "no",
        "ConnectTimeout": str(max(1, round(settings.connect_timeout))),
        "ControlMaster": "no",
        "ControlPath": "none",
        "ServerAliveCountMax": "3",
        "ServerAliveInterval": "5",
    }
    words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    return ["ssh", "-T", *words, *own_options(host), "--", host.address or host.name, shlex.join(argv)]


def _taken(
    host: Host, running: subprocess.Popen[bytes], request: dict[str, Any], sink: Callable[[bytes], None]
) -> dict[str, Any]:
    assert running.stdin
    # A request is a few hundred bytes, and a pipe holds more; who hung up says why by its exit.
    with contextlib.suppress(BrokenPipeError):
        running.stdin.write(json.dumps({**request, "traceparent": traceparent()}).encode() + b"\n")
        running.stdin.close()
    line, complete = b"", False
    for piece in _pieces(host, running):
        if complete:
            sink(piece)
            continue
        line += piece
        complete = b"\n" in line
        if complete:
            line, _, rest = line.partition(b"\n")
            answer = agent.parsed(line, "stream")
            if rest:
                sink(rest)
        elif len(line) > LONGEST_LINE:
            raise RemoteError(f"{host.name}: the agent's answer has no end: that is no agent")
    code = running.wait(IDLE_SECONDS)
    if code or not complete:
        raise _failure(host, code, running)
    return answer


def _pieces(host: Host, running: subprocess.Popen[bytes]) -> Iterator[bytes]:
    assert running.stdout
    descriptor = running.stdout.fileno()
    with selectors.DefaultSelector() as waiting:
        waiting.register(descriptor, selectors.EVENT_READ)
        while True:
            if not waiting.select(IDLE_SECONDS):
                raise UnreachableError(
                    f"{host.name}: nothing came for {IDLE_SECONDS:.0f} s",
                    "the host may be overloaded, paused or cut off",
                )
            piece = os.read(descriptor, CHUNK)
            if not piece:
                return
            yield piece


def _failure(host: Host, code: int, running: subprocess.Popen[bytes]) -> DgopsError:
    assert running.stderr
    words = running.stderr.read(LONGEST_LINE).decode(errors="replace").strip().splitlines()
    said = words[-1][: agent.LONGEST] if words else f"exit {code}"
    if "Host key verification failed" in said:
        message = f"{host.name}: OpenSSH does not believe its host key: {said}"
        return HostKeyError(message, f"compare it with the pinned one:  dgops health --host {host.name}")
    if code == LOST:
        return UnreachableError(f"{host.name}: the connection was lost: {said}", "is the host still up?")
    return RemoteError(f"{host.name}: the agent ended with exit {code}: {said}")
