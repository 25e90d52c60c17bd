"""The way to a host's port: a TCP connection, or a command of OpenSSH's that leads there."""

from __future__ import annotations

import socket
import subprocess
import tempfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from dgops.transport.dial import dial

if TYPE_CHECKING:
    from dgops.transport.ssh_config import ResolvedSsh


@dataclass
class Proxy:
    """A command that leads to the host; its streams are one end of a socket pair."""

    child: subprocess.Popen[bytes]
    complaints: IO[bytes]

    def close(self) -> str:
        """End the command; returns the last line that it complained with."""
        if self.complaints.closed:
            return ""
        self.child.terminate()
        try:
            self.child.wait(2)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait(2)
        with self.complaints:
            self.complaints.seek(0)
            lines = self.complaints.read(4096).decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""


def way(resolved: ResolvedSsh, patience: float) -> tuple[Any, Proxy | None]:
    """Return a socket that leads to the host, and the command behind it where there is one."""
    argv = resolved.proxy_argv(patience)
    if not argv:
        return dial(resolved.address, resolved.port, patience), None
    # A real socket on our side: paramiko's ProxyCommand reads pipes, whose deadlines it does not keep.
    ours, theirs = socket.socketpair()
    complaints = tempfile.TemporaryFile()  # noqa: SIM115 - Proxy closes it
    with theirs:
        end = theirs.fileno()
        child = subprocess.Popen(argv, stdin=end, stdout=end, stderr=complaints, start_new_session=True)
    return ours, Proxy(child, complaints)
