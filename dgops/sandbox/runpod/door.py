"""The double's second door: where its pods find it, on the bridge that only they and this machine share."""

from __future__ import annotations

import ipaddress
import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.files import write_json
from dgops.sandbox.runpod.server import Server

if TYPE_CHECKING:
    from pathlib import Path


class Door:
    """What pods know the double by; it is open once a bridge is there, and where it was after a restart."""

    def __init__(self, server: Server, file: Path) -> None:
        self._server, self._file, self._lock = server, file, threading.Lock()
        self._inside: Server | None = None

    def inward(self, value: str, gateway: str) -> str:
        """Return a value of a pod's environment; the double's loopback address becomes the one that leads out."""
        out = f"http://{gateway}:{self._server.server_address[1]}"
        return out if value.rstrip("/") == self._server.url else value

    def open(self, gateway: str, subnet: str) -> None:
        """Listen on the bridge as well, for callers from its own subnet; once is enough."""
        with self._lock:
            if self._inside:
                return
            outer = self._server
            among = ipaddress.ip_network(subnet)
            try:
                self._inside = Server(outer.cloud, outer.key, outer.server_address[1], gateway, among)
            except OSError as error:
                raise DgopsError(f"the double cannot listen on its pods' bridge, {gateway}: {error}") from None
            self._inside.quota = outer.quota
            threading.Thread(target=self._inside.serve_forever, daemon=True).start()
            write_json(self._file, {"gateway": gateway, "subnet": subnet}, 0o600)

    def open_again(self) -> None:
        """Open where a server before this one did: pods that run go on asking there. No pods, no bridge: no door."""
        with suppress(DgopsError, OSError, ValueError, KeyError, TypeError):
            found = json.loads(self._file.read_text())
            self.open(str(found["gateway"]), str(found["subnet"]))
