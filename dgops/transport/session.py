"""A person's own session on a host: OpenSSH with the streams of this terminal, believing the pinned keys only."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.transport.known_hosts import strict_options
from dgops.transport.ssh_config import own_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.hosts.host import Host
    from dgops.settings import Settings


def command_line(host: Host, settings: Settings, command: Sequence[str]) -> list[str]:
    """Return the command line; no -F, since a person's own configuration says how to reach a host."""
    options = {
        **strict_options(host.alias, settings.state.absolute() / "known_hosts"),
        "ConnectTimeout": str(max(1, round(settings.connect_timeout))),
        "ServerAliveCountMax": "3",
        "ServerAliveInterval": "5",
    }
    words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    return [
        "ssh",
        *words,
        *own_options(host),
        "--",
        host.address or host.name,
        *([shlex.join(command)] if command else []),
    ]


def run(host: Host, settings: Settings, command: Sequence[str]) -> int:
    """Log in, or run one command, until it ends; returns its exit code, 255 where the connection is at fault."""
    try:
        return subprocess.call(command_line(host, settings, command))
    except FileNotFoundError:
        raise DgopsError("ssh is not installed here", "apt-get install openssh-client") from None
