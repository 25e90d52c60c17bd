"""Open the transport that a host's inventory asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgops.errors import UnreachableError, UsageError
from dgops.transport.talk import TalkingTransport

if TYPE_CHECKING:
    from dgops.hosts.host import Host
    from dgops.settings import Settings
    from dgops.transport.protocol import Transport


def connect(host: Host, settings: Settings) -> Transport:
    """Connect to a host; raises HostKeyError, AccessError or UnreachableError, each with the next step."""
    if host.away:
        raise UnreachableError(f"{host.name}: {host.away}", f"dgops pod show {host.name}")
    if host.connection == "local":
        from dgops.transport.local import LocalTransport

        return TalkingTransport(host.name, LocalTransport(host.name))
    if host.connection == "fake":
        from dgops.transport.fake import from_variables

        return from_variables(host.name, host.variables)
    if host.connection != "ssh":
        raise UsageError(f"{host.name}: {host.connection!r} is no connection of dgops (ssh, local, fake)")
    from dgops.transport.ssh import open_ssh

    return TalkingTransport(host.name, open_ssh(host, settings))
