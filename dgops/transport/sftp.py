"""Files over SFTP: written to a temporary name beside the target, flushed to disk, then renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko
from paramiko.sftp import CMD_EXTENDED

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 1 << 18


class TransferError(Exception):
    """The host refused a file: what it said, and what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def put(client: paramiko.SFTPClient, content: bytes | Path, remote: str, mode: int) -> None:
    """Write content to remote; a reader sees the old file or the new one, never a part."""
    remote = at_home(remote)
    temporary = f"{remote}.{secrets.token_hex(4)}.part"
    with _told(client, remote):
        try:
            stream = client.open(temporary, "wx")
        except FileNotFoundError:
            _make_folders(client, os.path.dirname(remote))
            stream = client.open(temporary, "wx")
        try:
            with stream, BytesIO(content) if isinstance(content, bytes) else content.open("rb") as source:
                # Before the first byte, so that a secret is never readable by others.
                stream.chmod(mode)
                stream.set_pipelined(True)
                shutil.copyfileobj(source, stream, CHUNK)
                size = source.tell()
                _flush_to_disk(stream)
            _rename(client, temporary, remote, size)
        except BaseException:
            with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
                client.remove(temporary)
            raise


def get(client: paramiko.SFTPClient, remote: str, local: Path) -> None:
    """Fetch remote to local, with the same promise."""
    local.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=local.parent, prefix=f".{local.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            with _told(client, remote):
                client.getfo(at_home(remote), stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, local)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def at_home(remote: str) -> str:
    """Return a path as SFTP reads it: relative to the home folder, where a shell would write ~/."""
    return remote.removeprefix("~/")


def _make_folders(client: paramiko.SFTPClient, folder: str) -> None:
    if not folder:
        return
    try:
        client.stat(folder)
    except FileNotFoundError:
        _make_folders(client, os.path.dirname(folder))
        # Somebody else may make it between the look and the making.
        with contextlib.suppress(OSError):
            client.mkdir(folder, 0o755)


def _flush_to_disk(stream: paramiko.SFTPFile) -> None:
    stream.flush()
    # An OpenSSH extension that paramiko has no method for; a server without it answers with an error.
    with contextlib.suppress(OSError):
        stream.sftp._request(CMD_EXTENDED, "fsync@openssh.com", stream.handle)  # type: ignore[attr-defined]


def _rename(client: paramiko.SFTPClient, temporary: str, remote: str, size: int) -> None:
    # Writes are sent ahead of their answers; the size is what proves that all of them arrived.
    arrived = client.stat(temporary).st_size
    if arrived != size:
        raise OSError(f"{arrived} of {size} bytes arrived")
    client.posix_rename(temporary, remote)


@contextlib.contextmanager
def _told(client: paramiko.SFTPClient, remote: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise
    except FileNotFoundError:
        raise TransferError("no such file or folder") from None
    except PermissionError:
        raise TransferError("permission denied", "choose a folder that the login user owns") from None
    except OSError as error:
        if client.get_channel() is None or client.get_channel().closed:  # type: ignore[union-attr]
            raise
        # SFTP says "Failure" for a full disk, a read-only file system and a target that is a folder.
        raise TransferError(
            str(error),
            f"is the disk full, or {remote} a folder?  on the host:  df -h {os.path.dirname(remote) or '~'}",
        ) from None
