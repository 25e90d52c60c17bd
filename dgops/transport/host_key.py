"""The policy on host keys: what is pinned under a host's alias is believed, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import paramiko

from dgops.errors import HostKeyError
from dgops.transport.known_hosts import described, fingerprint, kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.hosts.host import Host

# An RSA key is one key under three signature names; servers of today no longer offer the first.
SIGNATURES = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")}


class PinnedKeys(paramiko.MissingHostKeyPolicy):
    """Paramiko's hook for keys that it does not know; it knows none, so every key comes here."""

    def __init__(self, host: Host, where: str, pinned: Sequence[str]) -> None:
        self.host = host
        self.where = where
        self.pinned = tuple(pinned)

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Return where the key is pinned for the host, raise HostKeyError where it is not."""
        offered = f"{key.get_name()} {key.get_base64()}"
        if not self.pinned:
            raise unknown(self.host, self.where, offered)
        if offered not in self.pinned:
            raise changed(self.host, self.where, offered, self.pinned)

    def transport(self, *args: Any, **kwargs: Any) -> paramiko.Transport:
        """Make a paramiko transport that asks for the pinned types of key first, as OpenSSH does."""
        transport = paramiko.Transport(*args, **kwargs)
        options = transport.get_security_options()
        wanted = [name for key in self.pinned for name in SIGNATURES.get(kind(key), (kind(key),))]
        known = list(options.key_types)
        options.key_types = sorted(known, key=lambda name: wanted.index(name) if name in wanted else len(known))
        return transport


def unknown(host: Host, where: str, offered: str) -> HostKeyError:
    """Return the error for a host of which no key is pinned."""
    return HostKeyError(
        f"{host.name}: no host key is pinned for it, and an unknown one is not believed ({where})\n"
        f"  offered  {described(offered)}",
        "compare the fingerprint with what the host prints at its start or in its console, then pin it:  "
        f"dgops hosts add {host.name} --fingerprint {fingerprint(offered)}",
    )


def changed(host: Host, where: str, offered: str, pinned: Sequence[str]) -> HostKeyError:
    """Return the error for a host that shows another key than the pinned ones."""
    same_type = [key for key in pinned if kind(key) == kind(offered)]
    return HostKeyError(
        "\n  ".join(
            [
                f"{host.name}: the host key is not the pinned one ({where})",
                *(f"pinned   {described(key)}" for key in same_type or pinned),
                f"offered  {described(offered)}",
                "either the host was made anew (a pod makes new keys when it restarts), or its address now",
                "belongs to another machine, or somebody stands in between: nothing was sent to it",
            ]
        ),
        "compare the offered fingerprint with what the host prints at its start; if it is right, replace "
        "the pinned one:  "
        f"dgops hosts add {host.name} --fingerprint {fingerprint(offered)}",
    )
