"""This machine as a host: the same promises as over SSH, kept by subprocesses and plain files."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.errors import RemoteError, UnreachableError
from dgops.files import write_atomic
from dgops.transport.channel import LocalChannel
from dgops.transport.protocol import Completed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# What a shell on a host would answer.
NOT_FOUND, NOT_EXECUTABLE = 127, 126
PYTHON_VARIABLES = ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH")


@dataclass(frozen=True)
class LocalTransport:
    """This machine, under the name that an inventory gives it."""

    name: str = "localhost"

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float = 60.0) -> Completed:
        """Run argv in the home folder, in a session of its own that is killed whole at the deadline."""
        started = time.monotonic()
        try:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=Path.home(),
                env=environment(),
                start_new_session=True,
            )
        except OSError as error:
            code = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
            complaint = f"{argv[0]}: {error.strerror}\n".encode()
            return Completed(tuple(argv), code, b"", complaint, time.monotonic() - started)
        try:
            output, errors = child.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            raise UnreachableError(f"{self.name}: no end within {timeout:g} s: {' '.join(argv)[:100]}") from None
        finally:
            _end(child)
        return Completed(tuple(argv), child.returncode, output, errors, time.monotonic() - started)

    def open(self, argv: Sequence[str]) -> LocalChannel:
        """Start argv in the home folder, in a session of its own; what it says beside its output is not kept."""
        try:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=Path.home(),
                env=environment(),
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise RemoteError(f"{self.name}: {argv[0]}: {error.strerror}") from None
        return LocalChannel(self.name, child)

    def put(self, content: bytes | Path, remote: str, *, mode: int = 0o600) -> None:
        """Write a file, whole or not at all; its folder is made if it is missing."""
        with self._told(f"writing {remote}"):
            write_atomic(_path(remote), content if isinstance(content, bytes) else content.read_bytes(), mode)

    def get(self, remote: str, local: Path) -> None:
        """Copy a file, whole or not at all."""
        with self._told(f"reading {remote}"), _path(remote).open("rb") as source:
            local.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=local.parent, delete=False) as target:
                shutil.copyfileobj(source, target)
                os.fsync(target.fileno())
            os.replace(target.name, local)

    @contextlib.contextmanager
    def tunnel(self, port: int) -> Iterator[int]:
        """Yield the port itself: the host's loopback is this one."""
        yield port

    def close(self) -> None:
        """Nothing stays open."""

    @contextlib.contextmanager
    def _told(self, action: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RemoteError(f"{self.name}: {action}: {error.strerror or error}") from None


def _path(remote: str) -> Path:
    return Path.home() / Path(remote).expanduser()


def environment() -> dict[str, str]:
    """Return the environment without dgops' own venv: a command finds the Python it would find over SSH."""
    clean = {key: value for key, value in os.environ.items() if key not in PYTHON_VARIABLES}
    venv = os.environ.get("VIRTUAL_ENV")
    if venv and "PATH" in clean:
        clean["PATH"] = os.pathsep.join(part for part in clean["PATH"].split(os.pathsep) if part != f"{venv}/bin")
    return clean


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
