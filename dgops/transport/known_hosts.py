"""The one known-hosts file: host keys pinned under a host's alias, whatever its address and port."""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import hashlib
import shlex
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.errors import BusyError, DgopsError, UnreachableError
from dgops.files import write_atomic
from dgops.transport.dial import dial

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

LOCK_SECONDS = 10.0
# The order in which a pinned key is preferred, as OpenSSH has it.
STRENGTH = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")


@dataclass(frozen=True)
class KnownHosts:
    """A file of pinned keys, one `alias type key` line each; safe to use from several processes at once."""

    path: Path

    def keys(self, alias: str) -> list[str]:
        """Return the keys pinned for alias, as `type key`; empty where there are none."""
        return [key for name, key in self._entries() if name == alias]

    def pin(self, alias: str, keys: Sequence[str]) -> None:
        """Make keys the only ones that alias may show; the type that is asked for first stands first."""
        checked = by_strength(normal(key) for key in keys)
        with self._locked():
            self._write([entry for entry in self._entries() if entry[0] != alias] + [(alias, key) for key in checked])

    def forget(self, alias: str) -> None:
        """Drop what is pinned for alias; nothing happens where nothing is."""
        with self._locked():
            entries = self._entries()
            kept = [entry for entry in entries if entry[0] != alias]
            if kept != entries:
                self._write(kept)

    def _entries(self) -> list[tuple[str, str]]:
        if not self.path.is_file():
            return []
        lines = (line.split() for line in self.path.read_text().splitlines() if not line.startswith("#"))
        return [(words[0], f"{words[1]} {words[2]}") for words in lines if len(words) >= 3]

    def _write(self, entries: Sequence[tuple[str, str]]) -> None:
        write_atomic(self.path, "".join(f"{alias} {key}\n" for alias, key in entries), 0o600)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # The lock has a file of its own: the known-hosts file is replaced by each write.
        with (self.path.parent / f".{self.path.name}.lock").open("a") as stream:
            _lock(stream.fileno(), self.path)
            yield


def _lock(descriptor: int, path: Path) -> None:
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                message = f"{path}: another dgops has held its lock for {LOCK_SECONDS:.0f} s"
                raise BusyError(message, "end the other command, then try again") from None
            time.sleep(0.02)


def normal(key: str) -> str:
    """Return a public key as `type key`, without its comment; raises DgopsError if it is none."""
    words = key.split()
    try:
        if len(words) < 2 or not base64.b64decode(words[1], validate=True).startswith(_wire(words[0])):
            raise ValueError
    except (ValueError, binascii.Error):
        raise DgopsError(f"not a public host key: {key[:60]!r}") from None
    return f"{words[0]} {words[1]}"


def _wire(word: str) -> bytes:
    """Return a string as SSH writes it: its length in four bytes, then itself."""
    return len(word).to_bytes(4, "big") + word.encode()


def fingerprint(key: str) -> str:
    """Return the fingerprint of a public key as OpenSSH shows it: `SHA256:…`."""
    digest = hashlib.sha256(base64.b64decode(normal(key).split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def kind(key: str) -> str:
    """Return the type of a public key, such as ssh-ed25519."""
    return key.split(maxsplit=1)[0]


def described(key: str) -> str:
    """Return a key as a person compares it: its type and fingerprint."""
    return f"{kind(key)} {fingerprint(key)}"


def scan(address: str, port: int, timeout: float = 10.0) -> list[str]:
    """Return the host keys that a server shows, strongest first; they are not believed by being seen."""
    # ssh-keyscan says nothing about why it found nothing; dial does.
    dial(address, port, timeout).close()
    argv = ["ssh-keyscan", "-T", str(max(1, round(timeout))), "-p", str(port), "--", address]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout + 5, check=False)
    except subprocess.TimeoutExpired:
        raise UnreachableError(f"{address} port {port} showed no host key within {timeout:g} s") from None
    except FileNotFoundError:
        raise DgopsError("ssh-keyscan is not installed here", "apt-get install openssh-client") from None
    lines = [line.split(None, 1)[1] for line in done.stdout.splitlines() if line and not line.startswith("#")]
    if not lines:
        raise UnreachableError(
            f"{address} port {port} answers, but shows no SSH host key",
            "is this the SSH port? a pod that has just started may need a few seconds more",
        )
    return by_strength(normal(line) for line in lines)


def by_strength(keys: Iterable[str]) -> list[str]:
    """Return keys without doubles, the type that is preferred first."""

    def rank(key: str) -> int:
        return STRENGTH.index(kind(key)) if kind(key) in STRENGTH else len(STRENGTH)

    return sorted(dict.fromkeys(keys), key=rank)


def strict_options(alias: str, known_hosts: Path) -> dict[str, str]:
    """Return the OpenSSH options that accept this alias's pinned keys and nothing else."""
    return {
        "HostKeyAlias": alias,
        "UserKnownHostsFile": quoted(str(known_hosts)),
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "CheckHostIP": "no",
    }


def quoted(value: str) -> str:
    """Return a value as an ssh configuration reads it: in double quotes where it holds a space."""
    return f'"{value}"' if " " in value else value


def common_args(alias: str, known_hosts: Path, *, identities_only: bool = True) -> str:
    """Return the text of `ansible_ssh_common_args` that makes a plain Ansible run as strict as dgops."""
    options = strict_options(alias, known_hosts)
    if identities_only:
        options["IdentitiesOnly"] = "yes"
    return shlex.join(word for key, value in options.items() for word in ("-o", f"{key}={value}"))
