"""Commands that are talked with while they run: over an SSH connection, and on this machine."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.errors import RemoteError
from dgops.transport.exchange import CHUNK, left

if TYPE_CHECKING:
    import subprocess

    import paramiko


class NoSessionError(RemoteError):
    """The host allows no further session on this connection (MaxSessions)."""


@dataclass(frozen=True)
class SshChannel:
    """A command on one channel of an SSH connection."""

    name: str
    channel: paramiko.Channel

    def send(self, data: bytes, until: float) -> None:
        """Hand it some input."""
        rest = memoryview(data)
        while rest:
            self.channel.settimeout(left(until))
            try:
                rest = rest[self.channel.send(bytes(rest[:CHUNK])) :]
            except TimeoutError:
                raise
            except OSError:
                # Closed by the command or cut: either way nothing more will be received.
                return

    def receive(self, until: float) -> bytes:
        """Wait for some output."""
        self.channel.settimeout(left(until))
        return bytes(self.channel.recv(CHUNK))

    def close(self) -> None:
        """Let go of it."""
        self.channel.close()


@dataclass(frozen=True)
class LocalChannel:
    """A command on this machine, in a session of its own."""

    name: str
    child: subprocess.Popen[bytes]

    def send(self, data: bytes, until: float) -> None:
        """Hand it some input."""
        assert self.child.stdin
        rest, descriptor = memoryview(data), self.child.stdin.fileno()
        while rest:
            _wait(descriptor, select.POLLOUT, until)
            try:
                # So much a pipe that is ready takes without waiting.
                rest = rest[os.write(descriptor, rest[: select.PIPE_BUF]) :]
            except BrokenPipeError:
                return

    def receive(self, until: float) -> bytes:
        """Wait for some output."""
        assert self.child.stdout
        descriptor = self.child.stdout.fileno()
        _wait(descriptor, select.POLLIN, until)
        return os.read(descriptor, CHUNK)

    def close(self) -> None:
        """Let go of it: it is killed with all its children, as a command at its deadline is."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.communicate()


def _wait(descriptor: int, event: int, until: float) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    while not poll.poll(1000 * left(until)):
        pass
