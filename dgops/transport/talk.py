"""One agent for as long as a connection lasts: it is started once, and asked over its standard input."""

from __future__ import annotations

import shlex
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from dgops.agent.serve import GREETING
from dgops.errors import RemoteError, UnreachableError
from dgops.events import log
from dgops.transport import agent
from dgops.transport.become import as_root, unwrapped
from dgops.transport.channel import NoSessionError
from dgops.transport.exchange import MAX_OUTPUT
from dgops.transport.protocol import Completed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from dgops.transport.protocol import Channel, Transport

Done = TypeVar("Done")

# Its zip is not there at first, and is by then.
TRIES = 2
# What these start stays, and is known by its command line.
ALONE = ("job", "marker", "watch")
# How long a session that was ended may still count.
ROOM_SECONDS, PAUSE = 3.0, 0.05
# Who does not say by then that it is such an agent is none, or slow: a fresh one is asked, which may take its time.
GREETING_SECONDS = 5.0
# A length in digits and the end of its line.
LONGEST_HEAD = 12


class EndedError(Exception):
    """The agent that was talked with is no more, or never began."""


class TalkingTransport:
    """A transport that keeps the host's agent running between two of its commands: its start is most of a short one.

    Each may be run twice, as the agent's commands may: where the one that serves many ends without an answer, another
    is started for this question alone, and says what is wrong.
    """

    def __init__(self, name: str, transport: Transport) -> None:
        self._name, self.beneath = name, transport
        self._channel: Channel | None = None
        self._held = bytearray()
        self._tries = TRIES
        self._turn = threading.Lock()

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float = 60.0) -> Completed:
        """Run argv on the host, a command of the agent by the one that runs already."""
        command = _command(argv)
        # Who comes while it is asked is answered beside it.
        if command and self._tries and self._turn.acquire(blocking=False):
            started = time.monotonic()
            try:
                output = self._asked(command, stdin, started + timeout)
            except EndedError:
                self._tries -= 1
            except TimeoutError:
                raise UnreachableError(
                    f"{self._name}: no end within {timeout:g} s: {shlex.join(unwrapped(argv))}",
                    "the host may be overloaded, paused or cut off",
                ) from None
            else:
                self._tries = TRIES
                seconds = time.monotonic() - started
                log.note("host.run", shlex.join(unwrapped(argv)), "debug", host=self._name, seconds=round(seconds, 3))
                return Completed(tuple(argv), 0, output, b"", seconds)
            finally:
                self._turn.release()
        return self._with_room(lambda: self.beneath.run(argv, stdin=stdin, timeout=timeout))

    def open(self, argv: Sequence[str]) -> Channel:
        """Start argv on the host and talk with it."""
        return self._with_room(lambda: self.beneath.open(argv))

    def put(self, content: bytes | Path, remote: str, *, mode: int = 0o600) -> None:
        """Write a file on the host."""
        self._with_room(lambda: self.beneath.put(content, remote, mode=mode))

    def get(self, remote: str, local: Path) -> None:
        """Fetch a file from the host."""
        self._with_room(lambda: self.beneath.get(remote, local))

    def tunnel(self, port: int) -> AbstractContextManager[int]:
        """Forward a local port on loopback to a port on the host's loopback."""
        return self.beneath.tunnel(port)

    def close(self) -> None:
        """End the agent and the connection."""
        self._hang_up()
        self.beneath.close()

    def _with_room(self, act: Callable[[], Done]) -> Done:
        """Do what needs a session of its own; where a host allows one only, the agent gives its up for good."""
        until = time.monotonic() + ROOM_SECONDS
        while True:
            try:
                return act()
            except NoSessionError:
                with self._turn:
                    self._tries = 0
                    self._hang_up()
                # A server takes its time to end a session, and ours may have been the last one before this.
                if time.monotonic() > until:
                    raise
                time.sleep(PAUSE)

    def _hang_up(self) -> None:
        channel, self._channel = self._channel, None
        self._held.clear()
        if channel:
            channel.close()

    def _asked(self, command: str, stdin: bytes, until: float) -> bytes:
        try:
            fresh = self._channel is None
            if self._channel is None:
                self._channel = self._opened()
            # With the first question at once: waiting for the greeting before would take a round trip.
            self._channel.send(f"{command} {len(stdin)}\n".encode() + stdin, until)
            if fresh:
                self._greeted(self._channel, until)
            return self._answer(self._channel, command, until)
        except BaseException:
            # What comes next, if anything does, belongs to no question.
            self._hang_up()
            raise

    def _opened(self) -> Channel:
        try:
            return self.beneath.open(as_root(agent.command_line("serve")))
        except RemoteError:
            # What another one needs is there, or this host allows no such thing.
            self._tries = 1
            raise EndedError from None

    def _greeted(self, channel: Channel, until: float) -> None:
        soon = time.monotonic() + GREETING_SECONDS
        try:
            while len(self._held) < len(GREETING):
                self._more(channel, min(soon, until))
        except TimeoutError:
            if soon < until:
                raise EndedError from None
            raise
        if not self._held.startswith(GREETING):
            raise EndedError
        del self._held[: len(GREETING)]

    def _answer(self, channel: Channel, command: str, until: float) -> bytes:
        answer = bytearray()
        while length := self._length(channel, command, until):
            if len(answer) + length > MAX_OUTPUT:
                raise RemoteError(f"{self._name}: more than {MAX_OUTPUT >> 20} MB of output: the agent's {command}")
            while len(self._held) < length:
                self._more(channel, until)
            answer += self._held[:length]
            del self._held[:length]
        return bytes(answer)

    def _length(self, channel: Channel, command: str, until: float) -> int:
        while b"\n" not in self._held[:LONGEST_HEAD]:
            if len(self._held) >= LONGEST_HEAD:
                break
            self._more(channel, until)
        head, _, rest = self._held.partition(b"\n")
        if len(head) >= LONGEST_HEAD or not head.isdigit():
            raise RemoteError(f"{self._name}: the agent's {command} answered with something else: that is no agent")
        self._held = rest
        return int(head)

    def _more(self, channel: Channel, until: float) -> None:
        data = channel.receive(until)
        if not data:
            raise EndedError
        self._held += data


def _command(argv: Sequence[str]) -> str:
    """Return the agent's command that argv runs as root, nothing where it is another or stays behind."""
    words = list(argv)
    command = words[-1] if words else ""
    return command if command not in ALONE and words == as_root(agent.command_line(command)) else ""
