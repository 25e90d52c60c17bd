"""Take a host in: its ssh line, its host key, its place in the local inventory; all of it or nothing."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dgops.errors import DgopsError, UnreachableError, UsageError
from dgops.hosts import inventory, local_inventory, ssh_line
from dgops.hosts.host import Host
from dgops.transport.known_hosts import KnownHosts, common_args, described, fingerprint, scan
from dgops.transport.ssh_config import resolve

if TYPE_CHECKING:
    from pathlib import Path

    from dgops.hosts.ssh_line import SshLine
    from dgops.settings import Settings
    from dgops.transport.ssh_config import ResolvedSsh

EXAMPLE = "'ssh root@IP -p PORT -i KEY'"


@dataclass(frozen=True)
class Enrolled:
    """A host that was taken in, and what is pinned for it now and was before."""

    name: str
    where: str
    file: Path | None
    pinned: tuple[str, ...]
    replaced: tuple[str, ...]
    verified: bool
    changed: bool


def add(settings: Settings, name: str, line: str, expected: str | None = None) -> Enrolled:
    """Write a host to the local inventory from its ssh line, and pin the key that it shows.

    With an expected fingerprint, only the key that bears it is pinned, and another key is refused. Nothing
    is written unless the host answers.
    """
    known = inventory.load(settings)
    local_inventory.check_name(name, settings, known)
    parsed = ssh_line.parse(line)
    host = _host(name, parsed)
    done = _pin(settings, host, expected)
    variables = {
        "ansible_host": parsed.address,
        "ansible_port": parsed.port,
        "ansible_user": parsed.user,
        "ansible_ssh_private_key_file": str(parsed.identity) if parsed.identity else None,
        "ansible_ssh_common_args": _arguments(settings, host, parsed),
    }
    written = local_inventory.write(settings, name, variables)
    return replace(done, file=local_inventory.entry(settings, name), changed=done.changed or written)


def pin_again(settings: Settings, name: str, expected: str | None = None) -> Enrolled:
    """Pin the key that a host of some inventory shows now, in place of the pinned one."""
    host = inventory.load(settings).hosts.get(name)
    if host is None:
        raise UsageError(
            f"no host is named {name} yet", f"take it in with its ssh line:  dgops hosts add {name} {EXAMPLE}"
        )
    if host.connection != "ssh":
        raise UsageError(f"{name} is not reached over SSH ({host.connection}): it has no host key")
    return _pin(settings, host, expected)


def _host(name: str, parsed: SshLine) -> Host:
    options = {"ansible_ssh_common_args": _shell_words(parsed)} if parsed.options else {}
    return Host(
        name,
        address=parsed.address,
        port=parsed.port,
        user=parsed.user,
        identity=parsed.identity,
        variables=options,
    )


def _shell_words(parsed: SshLine) -> str:
    return shlex.join(word for key, value in parsed.options for word in ("-o", f"{key}={value}"))


def _arguments(settings: Settings, host: Host, parsed: SshLine) -> str:
    strict = common_args(
        host.alias, settings.state.absolute() / "known_hosts", identities_only=parsed.identity is not None
    )
    return " ".join(filter(None, [strict, _shell_words(parsed)]))


def _pin(settings: Settings, host: Host, expected: str | None) -> Enrolled:
    resolved = resolve(host)
    if resolved.proxy_argv(settings.connect_timeout):
        from dgops.transport.ssh import offered_key

        offered = [offered_key(host, resolved, settings.connect_timeout)]
    else:
        offered = _scanned(host, resolved, settings.connect_timeout)
    if expected:
        offered = _expected_only(host, resolved.label, offered, expected)
    known_hosts = KnownHosts(settings.state / "known_hosts")
    before = known_hosts.keys(host.alias)
    if before != offered:
        known_hosts.pin(host.alias, offered)
    return Enrolled(
        name=host.name,
        where=resolved.label,
        file=None,
        pinned=tuple(offered),
        replaced=tuple(key for key in before if key not in offered),
        verified=bool(expected),
        changed=before != offered,
    )


def _scanned(host: Host, resolved: ResolvedSsh, patience: float) -> list[str]:
    try:
        return scan(resolved.address, resolved.port, patience)
    except UnreachableError as error:
        raise UnreachableError(f"{host.name}: {error.message}; nothing was written", error.hint) from None


def _expected_only(host: Host, where: str, offered: list[str], expected: str) -> list[str]:
    """Return the key that bears the fingerprint; one key known to be right says nothing about the others."""
    wanted = expected if expected.startswith("SHA256:") else f"SHA256:{expected}"
    fitting = [key for key in offered if fingerprint(key) == wanted.rstrip("=")]
    if fitting:
        return fitting
    raise DgopsError(
        "\n  ".join(
            [
                f"{host.name}: no key that the host shows has the fingerprint that you gave ({where})",
                f"expected {wanted}",
                *(f"offered  {described(key)}" for key in offered),
            ]
        ),
        "nothing was written; look up the fingerprint again where the host prints it, and whether IP and port "
        "are still its own",
    )
