"""Which keys are offered to a host, in OpenSSH's order, and what is said when none is taken."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import paramiko
from paramiko.auth_strategy import AuthSource, AuthStrategy, InMemoryPrivateKey

from dgops.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dgops.hosts.host import Host
    from dgops.transport.ssh_config import ResolvedSsh


class Keys(AuthStrategy):
    """Paramiko's hook for logging in: the identity files, and the agent unless only files are wanted."""

    def __init__(self, resolved: ResolvedSsh) -> None:
        super().__init__(ssh_config=None)  # type: ignore[arg-type]
        self.resolved = resolved
        self.tried: list[str] = []
        self.agent: paramiko.Agent | None = None

    def get_sources(self) -> Iterator[AuthSource]:
        """Yield the keys: those of the agent that a file names, the files, then what else the agent has."""
        in_agent = self._agent_keys()
        for file in self.resolved.identities:
            key = in_agent.pop(_public(file), None) or self._loaded(file)
            if key is not None:
                yield self._source(key, str(file))
        if not self.resolved.identities_only:
            for key in in_agent.values():
                yield self._source(key, f"agent key {key.fingerprint}")

    def close(self) -> None:
        """Let go of the agent."""
        if self.agent is not None:
            self.agent.close()

    def _source(self, key: Any, label: str) -> AuthSource:
        self.tried.append(f"{label} (refused)")
        return InMemoryPrivateKey(self.resolved.user, key)

    def _agent_keys(self) -> dict[bytes, paramiko.PKey]:
        with contextlib.suppress(paramiko.SSHException, OSError):
            self.agent = paramiko.Agent() if self.resolved.agent else None
            return {key.asbytes(): key for key in self.agent.get_keys()} if self.agent else {}
        return {}

    def _loaded(self, file: Path) -> paramiko.PKey | None:
        if not file.is_file() or file.suffix == ".pub":
            return None
        try:
            return paramiko.PKey.from_path(file)
        except (paramiko.PasswordRequiredException, TypeError):
            self.tried.append(f"{file} (has a passphrase, and no agent holds it: ssh-add {file})")
        except (paramiko.SSHException, paramiko.pkey.UnknownKeyType, ValueError, OSError) as error:
            self.tried.append(f"{file} (cannot be read: {error})")
        return None


def _public(file: Path) -> bytes:
    """Return the public half that lies beside a key file, to find the key in the agent."""
    beside = str(file) if file.suffix == ".pub" else f"{file}.pub"
    with contextlib.suppress(OSError, ValueError, IndexError):
        return paramiko.pkey.PublicBlob.from_file(beside).key_blob
    return b""


def refused(host: Host, keys: Keys) -> AccessError:
    """Return the error for a host that answers and takes none of the keys."""
    resolved = keys.resolved
    if not keys.tried:
        files = ", ".join(str(file) for file in ([host.identity] if host.identity else resolved.identities))
        return AccessError(
            f"{host.name}: there is no key to log in with as {resolved.label} (looked for {files})",
            "name one in the inventory (ansible_ssh_private_key_file), or make one: ssh-keygen -t ed25519",
        )
    return AccessError(
        "\n  ".join([f"{host.name}: {resolved.label} lets none of these keys in:", *keys.tried]),
        f"name the right key in the inventory (ansible_ssh_private_key_file), or add its .pub file to "
        f"~{resolved.user}/.ssh/authorized_keys on the host",
    )
