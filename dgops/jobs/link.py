"""A way to one host's agent that is taken up again when it is cut."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from dgops.errors import AccessError, DgopsError, HostKeyError, UnreachableError
from dgops.transport import agent, bulk
from dgops.transport.connect import connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from dgops.hosts.host import Host
    from dgops.settings import Settings
    from dgops.transport.protocol import Transport

    Told = Callable[[str], None]

Answer = TypeVar("Answer")

# How long a cut may last, and the pauses between two tries.
PATIENCE = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
LONGEST = 500


class Link:
    """One host, connected when it is first asked and again after each cut, for as long as patience lasts.

    Everything that goes over it may be asked twice: the agent's commands are made for that. `told` hears of
    a cut, and that it is over. Before the first answer nothing is tried again: a wrong address is no cut.
    """

    def __init__(
        self, host: Host, settings: Settings, told: Told = lambda _message: None, patience: float = PATIENCE
    ) -> None:
        self.host = host
        self.settings = settings
        self.told = told
        self.patience = patience
        self.cuts = 0
        self._transport: Transport | None = None
        self._answered = False

    def __enter__(self) -> Link:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection, if there is one."""
        transport, self._transport = self._transport, None
        if transport:
            transport.close()

    def transport(self) -> Transport:
        """Return the open connection."""
        if self._transport is None:
            self._transport = connect(self.host, self.settings)
        return self._transport

    def call(self, command: str, request: dict[str, Any], *, timeout: float = 60.0) -> dict[str, Any]:
        """Ask the agent; raises DgopsError with the host's name and hint where it refuses."""
        return self._checked(self._again(lambda: agent.call(self.transport(), command, request, timeout=timeout)))

    def exchange(
        self, command: str, request: dict[str, Any], payload: bytes = b"", *, timeout: float = 300.0
    ) -> tuple[dict[str, Any], bytes]:
        """Ask the agent with bytes both ways; raises as `call` does."""
        answer, rest = self._again(lambda: agent.exchange(self.transport(), command, request, payload, timeout=timeout))
        return self._checked(answer), rest

    def stream(self, command: str, request: Callable[[], dict[str, Any]], sink: Callable[[bytes], None]) -> None:
        """Ask the agent for bytes that need not fit into memory; after a cut, with what is then to be asked for."""
        self._checked(self._again(lambda: bulk.stream(self.host, self.settings, command, request(), sink)))

    def _again(self, ask: Callable[[], Answer]) -> Answer:
        until, pause = 0.0, FIRST_PAUSE
        while True:
            try:
                answer = ask()
            except (HostKeyError, AccessError):
                raise
            except UnreachableError:
                self.close()
                until = until or time.monotonic() + self.patience
                if not self._answered or time.monotonic() + pause >= until:
                    raise
                if pause == FIRST_PAUSE:
                    self.cuts += 1
                    self.told(f"{self.host.name}: the connection was lost; trying again for {self.patience:.0f} s")
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                if pause > FIRST_PAUSE:
                    self.told(f"{self.host.name}: connected again")
                self._answered = True
                return answer

    def _checked(self, answer: dict[str, Any]) -> dict[str, Any]:
        refused = answer.get("refused")
        if refused:
            raise DgopsError(f"{self.host.name}: {str(refused)[:LONGEST]}", str(answer.get("hint") or "")[:LONGEST])
        return answer
