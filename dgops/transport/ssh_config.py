"""What OpenSSH would do for a host, asked with `ssh -G`; and the ssh configuration that dgops writes."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.errors import ConfigError, DgopsError, UnreachableError
from dgops.files import write_atomic
from dgops.transport.known_hosts import quoted, strict_options

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dgops.hosts.host import Host
    from dgops.settings import Settings

RESOLVE_SECONDS = 10.0
HEADER = "# Written by dgops hosts ssh-config --write: edits here are lost."
ARGS_KEYS = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")


@dataclass(frozen=True)
class ResolvedSsh:
    """How OpenSSH would reach a host under the user's own configuration."""

    address: str
    port: int
    user: str
    identities: tuple[Path, ...] = ()
    identities_only: bool = False
    agent: bool = True
    proxy_jump: str = ""
    proxy_command: str = ""

    @property
    def label(self) -> str:
        """The target as a person writes it."""
        return f"{self.user}@{self.address} port {self.port}"

    def proxy_argv(self, connect_timeout: float) -> list[str]:
        """Return the command whose standard streams lead to the host; empty where the way is direct."""
        if self.proxy_command:
            # This one is a shell line by OpenSSH's definition; the user wrote it.
            return ["sh", "-c", "exec " + self._expanded(self.proxy_command)]
        if not self.proxy_jump:
            return []
        *earlier, last = self.proxy_jump.split(",")
        before = ["-J", ",".join(earlier)] if earlier else []
        options = ["-o", "BatchMode=yes", "-o", f"ConnectTimeout={max(1, round(connect_timeout))}"]
        destination = last if last.startswith("ssh://") else f"ssh://{last}"
        return ["ssh", *options, *before, "-W", f"[{self.address}]:{self.port}", destination]

    def _expanded(self, text: str) -> str:
        tokens = {"%%": "%", "%h": self.address, "%n": self.address, "%p": str(self.port), "%r": self.user}
        return re.sub("%.", lambda match: tokens.get(match[0], match[0]), text)


def resolve(host: Host) -> ResolvedSsh:
    """Ask `ssh -G` how to reach a host, with its inventory's values as options, as Ansible does."""
    argv = ["ssh", "-G", *own_options(host), "--", host.address or host.name]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=RESOLVE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise UnreachableError(
            f"{host.name}: ssh -G took more than {RESOLVE_SECONDS:g} s",
            "a Match exec or CanonicalizeHostname line of ~/.ssh/config may be waiting for something",
        ) from None
    except FileNotFoundError:
        raise DgopsError("ssh is not installed here", "apt-get install openssh-client") from None
    if done.returncode != 0:
        raise ConfigError([f"{host.name}: ssh says: {done.stderr.strip()}"], "mend ~/.ssh/config or the inventory")
    return parse(done.stdout)


def own_options(host: Host) -> list[str]:
    """Return what the inventory says of a host as words of ssh's command line."""
    options = [word for key in ARGS_KEYS for word in shlex.split(str(host.variables.get(key) or ""))]
    options += ["-p", str(host.port)] if host.port else []
    options += ["-l", host.user] if host.user else []
    return options + (["-i", str(host.identity), "-o", "IdentitiesOnly=yes"] if host.identity else [])


def parse(text: str) -> ResolvedSsh:
    """Read the answer of `ssh -G`."""
    pairs = [line.split(None, 1) for line in text.splitlines() if " " in line]
    values = {pair[0]: pair[1] for pair in pairs}
    identities = [Path(pair[1].strip('"')).expanduser() for pair in pairs if pair[0] == "identityfile"]

    def command(key: str) -> str:
        value = values.get(key, "none")
        return "" if value == "none" else value

    return ResolvedSsh(
        address=values["hostname"],
        port=int(values["port"]),
        user=values["user"],
        identities=tuple(identities),
        identities_only=values.get("identitiesonly") == "yes",
        agent=values.get("identityagent", "SSH_AUTH_SOCK") in ("SSH_AUTH_SOCK", "$SSH_AUTH_SOCK"),
        proxy_jump=command("proxyjump"),
        proxy_command=command("proxycommand"),
    )


def path(settings: Settings) -> Path:
    """Return where the written configuration lies."""
    return settings.state.absolute() / "ssh" / "config"


def render(hosts: Iterable[Host], settings: Settings) -> str:
    """Return an ssh configuration with one block per host, as strict about host keys as dgops is."""
    blocks = [_block(host, settings) for host in hosts if host.connection == "ssh" and not host.away]
    return "\n".join([HEADER, *blocks])


def _block(host: Host, settings: Settings) -> str:
    # A host without an address is described by the user's own configuration. Copying its values here would
    # freeze them: this file is read first.
    resolved = resolve(host) if host.address and host.address != host.name else None
    options: dict[str, str] = {}
    if resolved:
        options["HostName"] = resolved.address
    options |= {"Port": str(host.port)} if host.port else {}
    options |= {"User": host.user} if host.user else {}
    if host.identity:
        options |= {"IdentityFile": quoted(str(host.identity)), "IdentitiesOnly": "yes"}
    if resolved and resolved.proxy_command:
        options["ProxyCommand"] = resolved.proxy_command
    elif resolved and resolved.proxy_jump:
        options["ProxyJump"] = resolved.proxy_jump
    options |= strict_options(host.alias, settings.state.absolute() / "known_hosts")
    options |= {
        "ServerAliveInterval": "5",
        "ServerAliveCountMax": "3",
        "ConnectTimeout": str(max(1, round(settings.connect_timeout))),
    }
    return "\n".join([f"Host {host.name}", *(f"  {key} {value}" for key, value in options.items()), ""])


def write(hosts: Iterable[Host], settings: Settings) -> Path:
    """Write the configuration to its place; returns the place."""
    write_atomic(path(settings), render(hosts, settings), 0o600)
    return path(settings)


def include(target: Path, config: Path) -> bool:
    """Make target's first lines include config; returns whether anything had to change.

    An Include counts only before the first Host or Match block: below one, it belongs to that block.
    """
    # A link (to a folder of dotfiles, say) stays a link: the file that it names is replaced.
    place = target.expanduser().resolve()
    line = f"Include {quoted(str(config))}"
    text = place.read_text() if place.is_file() else ""
    if line in _global_lines(text):
        return False
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = place.stat().st_mode & 0o777 if place.is_file() else 0o600
    write_atomic(place, f"{line}\n" + (f"\n{text}" if text and not text.startswith("Include ") else text), mode)
    return True


def _global_lines(text: str) -> list[str]:
    lines: list[str] = []
    for line in text.splitlines():
        if re.match(r"\s*(host|match)\b", line, re.IGNORECASE):
            break
        lines.append(line.strip())
    return lines
