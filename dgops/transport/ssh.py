"""A host over SSH: Fabric's connection, our pinned host keys, and a deadline on everything."""

from __future__ import annotations

import contextlib
import logging
import random
import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import paramiko
from fabric import Config, Connection

from dgops.errors import DgopsError, RemoteError, UnreachableError
from dgops.events import log
from dgops.transport import sftp
from dgops.transport.become import unwrapped
from dgops.transport.channel import NoSessionError, SshChannel
from dgops.transport.exchange import MAX_OUTPUT, TooMuchOutput, exchange
from dgops.transport.host_key import PinnedKeys
from dgops.transport.known_hosts import KnownHosts
from dgops.transport.login import Keys, refused
from dgops.transport.protocol import Completed
from dgops.transport.proxy import Proxy, way
from dgops.transport.ssh_config import ResolvedSsh, resolve
from dgops.transport.tunnel import tunnel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from dgops.hosts.host import Host
    from dgops.settings import Settings

KEEPALIVE_SECONDS = 5
OPEN_SECONDS = 60.0
TRANSFER_IDLE_SECONDS = 60.0
LONGEST_SHOWN = 100

# An sshd that starts, or that has too many logins at once (MaxStartups), hangs up before it says anything.
PAUSES = (0.2, 0.6, 1.2)

# Paramiko logs a traceback for what we report in a sentence; without a listener Python would print it.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class HungUpError(UnreachableError):
    """The host ended the connection before the greeting; asking again may help."""


@dataclass
class SshTransport:
    """One open SSH connection to one host."""

    host: Host
    connection: Connection
    proxy: Proxy | None = None

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float = 60.0) -> Completed:
        """Run argv on the host; raises UnreachableError at the deadline or when the connection is lost."""
        # The host's login shell reads this line. Single quotes mean the same to every POSIX shell; csh and
        # fish agree only as long as no argument holds ! or a backslash before a quote.
        line = shlex.join(argv)
        started = time.monotonic()
        with self._told(shlex.join(unwrapped(argv)), timeout):
            channel = self._session(timeout)
            code, output, errors = exchange(channel, line, stdin, started + timeout)
        seconds = time.monotonic() - started
        log.note("host.run", _short(argv), "debug", host=self.host.name, exit=code, seconds=round(seconds, 3))
        return Completed(tuple(argv), code, output, errors, seconds)

    def open(self, argv: Sequence[str]) -> SshChannel:
        """Start argv on a channel of its own; raises NoSessionError where the host allows no further one."""
        with self._told(shlex.join(unwrapped(argv)), OPEN_SECONDS):
            channel = self._session(OPEN_SECONDS)
            channel.exec_command(shlex.join(argv))
        return SshChannel(self.host.name, channel)

    def put(self, content: bytes | Path, remote: str, *, mode: int = 0o600) -> None:
        """Write a file on the host, whole or not at all; its folder is made if it is missing."""
        with self._told(f"writing {remote}", TRANSFER_IDLE_SECONDS):
            try:
                sftp.put(self._sftp(), content, remote, mode)
            except sftp.TransferError as error:
                raise self._full(remote, content) or error from None

    def _full(self, remote: str, content: bytes | Path) -> sftp.TransferError | None:
        """Return the error for a full disk, if the disk is full: SFTP itself cannot say so."""
        folder = remote.rpartition("/")[0] or "."
        answer = self.run(["df", "-Pk", "--", folder if folder != "~" else "."], timeout=10)
        words = answer.text.splitlines()[-1].split() if answer.returncode == 0 else []
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        if len(words) < 6 or int(words[3]) * 1024 > size:
            return None
        return sftp.TransferError(
            f"no space left on {words[5]} ({words[4]} used)",
            f"make room on the host:  du -xh -d 2 {words[5]} | sort -h",
        )

    def get(self, remote: str, local: Path) -> None:
        """Fetch a file from the host, whole or not at all."""
        with self._told(f"reading {remote}", TRANSFER_IDLE_SECONDS):
            sftp.get(self._sftp(), remote, local)

    def tunnel(self, port: int) -> AbstractContextManager[int]:
        """Forward a free local port on loopback to a port on the host's loopback."""
        return tunnel(self._transport(), port)

    def close(self) -> None:
        """End the connection, and the proxy that it went through."""
        self.connection.close()
        if self.proxy:
            self.proxy.close()

    def _transport(self) -> paramiko.Transport:
        # Fabric would silently connect again, past the deadlines and errors of this module.
        if not self.connection.is_connected:
            raise UnreachableError(f"{self.host.name}: the connection was lost", "is the host still up?")
        transport: paramiko.Transport = self.connection.transport
        return transport

    def _session(self, timeout: float) -> paramiko.Channel:
        with self._counted():
            return self._transport().open_session(timeout=timeout)

    def _sftp(self) -> paramiko.SFTPClient:
        self._transport()
        with self._counted():
            client: paramiko.SFTPClient = self.connection.sftp()
        channel = client.get_channel()
        if channel is not None:
            channel.settimeout(TRANSFER_IDLE_SECONDS)
        return client

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            yield
        except paramiko.ChannelException as error:
            raise NoSessionError(
                f"{self.host.name}: the host allows no further session on this connection: {error.text}",
                "raise MaxSessions in its sshd_config",
            ) from None

    @contextlib.contextmanager
    def _told(self, action: str, timeout: float) -> Iterator[None]:
        """Turn what a library raises into an error that names the host and what was being done there."""
        name, short = self.host.name, _cut(action)
        try:
            yield
        except sftp.TransferError as error:
            raise RemoteError(f"{name}: {short}: {error}", error.hint) from error
        except TimeoutError:
            raise UnreachableError(
                f"{name}: no end within {timeout:g} s: {short}",
                "the host may be overloaded, paused or cut off",
            ) from None
        except TooMuchOutput:
            raise RemoteError(f"{name}: more than {MAX_OUTPUT >> 20} MB of output: {short}") from None
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise UnreachableError(
                f"{name}: the connection was lost: {short} ({error or type(error).__name__})",
                "is the host still up?  dgops health looks again",
            ) from None


def _short(argv: Sequence[str]) -> str:
    return _cut(shlex.join(unwrapped(argv)))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def open_ssh(host: Host, settings: Settings) -> SshTransport:
    """Connect to a host as `ssh -G` says, believing only the keys that are pinned for it."""
    resolved = resolve(host)
    policy = PinnedKeys(host, resolved.label, KnownHosts(settings.state / "known_hosts").keys(host.alias))
    for pause in PAUSES:
        try:
            return _open(host, resolved, policy, settings.connect_timeout)
        except HungUpError:
            # Many who come at once must not come back at once.
            time.sleep(pause * random.uniform(0.5, 1.5))
    return _open(host, resolved, policy, settings.connect_timeout)


def _open(host: Host, resolved: ResolvedSsh, policy: PinnedKeys, patience: float) -> SshTransport:
    keys = Keys(resolved)
    connection = _connection(resolved, policy, keys, patience)
    proxy: Proxy | None = None
    started = time.monotonic()
    try:
        sock, proxy = way(resolved, patience)
        connection.connect_kwargs["sock"] = sock
        connection.open()
        connection.transport.set_keepalive(KEEPALIVE_SECONDS)
    except (DgopsError, OSError, EOFError, paramiko.SSHException) as error:
        connection.client.close()
        complaint = proxy.close() if proxy else ""
        silent = time.monotonic() - started >= patience
        raise _failure(host, keys, error, complaint, patience if silent else None) from None
    finally:
        keys.close()
    return SshTransport(host, connection, proxy)


def offered_key(host: Host, resolved: ResolvedSsh, patience: float) -> str:
    """Return the host key that a host shows behind a jump host or proxy, where ssh-keyscan cannot look."""
    sock, proxy = way(resolved, patience)
    try:
        with paramiko.Transport(sock) as transport:
            transport.banner_timeout = patience
            transport.start_client(timeout=patience)
            key = transport.get_remote_server_key()
        return f"{key.get_name()} {key.get_base64()}"
    except (OSError, EOFError, paramiko.SSHException) as error:
        complaint = proxy.close() if proxy else ""
        raise _failure(host, Keys(resolved), error, complaint, None) from None
    finally:
        if proxy:
            proxy.close()


def _connection(resolved: ResolvedSsh, policy: PinnedKeys, keys: Keys, patience: float) -> Connection:
    # lazy: no ~/.fabric.yml and no second reading of ~/.ssh/config may change what ssh -G decided.
    config = Config(lazy=True, ssh_config=paramiko.SSHConfig())
    connection = Connection(
        host=resolved.address,
        user=resolved.user,
        port=resolved.port,
        config=config,
        connect_kwargs={
            "auth_strategy": keys,
            "auth_timeout": patience,
            "banner_timeout": patience,
            "channel_timeout": patience,
            "timeout": patience,
            "transport_factory": policy.transport,
        },
    )
    # Fabric's own policy accepts any key.
    connection.client.set_missing_host_key_policy(policy)
    return connection


def _failure(host: Host, keys: Keys, error: BaseException, proxy: str, silence: float | None) -> DgopsError:
    """Return the error that a person can act on, for whatever ended a connection attempt.

    Silence is how long the host said nothing, where that ended it: paramiko words a deadline as it words a
    closed connection.
    """
    resolved = keys.resolved
    if isinstance(error, DgopsError):
        return error if error.message.startswith(f"{host.name}: ") else _named(host, error)
    if proxy:
        way = resolved.proxy_jump or f"ProxyCommand {resolved.proxy_command!r}"
        hint = f"try it alone:  ssh {way}" if resolved.proxy_jump else "mend it in ~/.ssh/config"
        return UnreachableError(f"{host.name}: the way through {way} failed: {proxy}", hint)
    if isinstance(error, paramiko.AuthenticationException) and silence is None:
        return refused(host, keys)
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return UnreachableError(f"{host.name}: no common algorithm with {resolved.label}: {error}")
    if silence is not None:
        return UnreachableError(
            f"{host.name}: {resolved.label} accepts connections but does not answer within {silence:g} s",
            "the host may be starting, paused or overloaded",
        )
    return HungUpError(
        f"{host.name}: {resolved.label} answers, but not as SSH: {error or type(error).__name__}",
        "is this the SSH port? sshd may still be starting, or have too many logins at once (MaxStartups)",
    )


def _named(host: Host, error: DgopsError) -> DgopsError:
    return type(error)(f"{host.name}: {error.message}", error.hint)
