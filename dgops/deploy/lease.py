"""Hold a host's deploy lease while work goes on there; a deploy that dies frees it within a minute."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from dgops.errors import BusyError, DgopsError, RemoteError
from dgops.transport import agent

if TYPE_CHECKING:
    from dgops.transport.protocol import Transport

TTL = 60.0
RENEWAL = 15.0
PARTING = 5.0
NAME = "deploy"


class Lease:
    """One held lease with the thread that renews it. `lost` is set when it is no longer ours, and `why` says why."""

    def __init__(self, transport: Transport, host: str) -> None:
        self.transport = transport
        self.host = host
        self.token = secrets.token_hex(8)
        self.lost = threading.Event()
        self.why = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name=f"lease-{host}", daemon=True)

    def acquire(self) -> None:
        """Take the lease, or raise BusyError that names who has it and for how long."""
        answer = self._ask("acquire")
        if not answer["held"]:
            raise BusyError(
                f"{answer['owner']} is deploying to {self.host}",
                f"wait for it; if it died, its lease ends by itself in {answer['expires_in']:.0f} s",
            )
        self._thread.start()

    def release(self) -> None:
        """Stop renewing and give the lease back; one that cannot be given back ends by itself."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=PARTING)
        try:
            self._ask("release", PARTING)
        except DgopsError:
            return

    def _renew(self) -> None:
        good = time.monotonic()
        while not self._ended.wait(RENEWAL):
            asked = time.monotonic()
            try:
                answer = self._ask("renew")
            except DgopsError as error:
                # A short cut of the network costs nothing; after a long one somebody else may hold it.
                why = error.message if time.monotonic() - good >= TTL else ""
            else:
                good = asked
                taker = answer["owner"]
                why = "" if answer["held"] else f"{taker} took it" if taker else "the host forgot it: was it restarted?"
            if why:
                self.why = why
                self.lost.set()
                return

    def _ask(self, op: str, timeout: float = RENEWAL) -> dict[str, Any]:
        request = {"op": op, "name": NAME, "token": self.token, "owner": owner(), "ttl": TTL}
        answer = agent.call(self.transport, "lease", request, timeout=timeout)
        if not isinstance(answer.get("held"), bool) or not isinstance(answer.get("expires_in"), (int, float)):
            raise RemoteError(f"{self.host} answered the question for its lease with something else")
        return {**answer, "owner": str(answer.get("owner"))[:100]}


def owner() -> str:
    """Return who is at work, as another person would want to read it."""
    return f"{getpass.getuser()}@{socket.gethostname()} (process {os.getpid()})"
