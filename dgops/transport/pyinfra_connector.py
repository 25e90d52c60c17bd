"""How pyinfra reaches a host: through our transport, with our pinned keys and deadlines."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from pyinfra.api.exceptions import ConnectError
from pyinfra.connectors.base import BaseConnector, DataMeta
from pyinfra.connectors.util import CommandOutput, OutputLine, make_unix_command_for_host

from dgops.errors import UnreachableError
from dgops.transport.connect import connect
from dgops.transport.passing import host_from_json, settings_from_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dgops.transport.protocol import Completed, Transport

TIMEOUT_SECONDS = 60


class DgopsData(TypedDict):
    """What a host of pyinfra's inventory must carry."""

    dgops_host: dict[str, Any]
    dgops_settings: dict[str, Any]


class DgopsConnector(BaseConnector):  # type: ignore[misc]
    """pyinfra's connector `@dgops/NAME`; keeps the last command's result, since pyinfra drops the exit code."""

    handles_execution = True
    data_cls = DgopsData
    data_meta = {  # noqa: RUF012 - pyinfra's own annotation
        "dgops_host": DataMeta("The host, as dgops.transport.passing writes it"),
        "dgops_settings": DataMeta("The settings, as dgops.transport.passing writes them"),
    }
    transport: Transport | None = None
    completed: Completed | None = None

    @staticmethod
    def make_names_data(name: str) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
        """Yield the one host; its data come with pyinfra's inventory."""
        yield f"@dgops/{name}", {}, []

    def connect(self) -> None:
        """Connect by the host's transport; the cause of a ConnectError is ours, with its hint."""
        try:
            host = host_from_json(self.data["dgops_host"])
            self.transport = connect(host, settings_from_json(self.data["dgops_settings"]))
        except UnreachableError as error:
            raise ConnectError(error.message) from error

    def disconnect(self) -> None:
        """Close the transport."""
        if self.transport:
            self.transport.close()
            self.transport = None

    def run_shell_command(
        self, command: Any, print_output: bool = False, print_input: bool = False, **arguments: Any
    ) -> tuple[bool, CommandOutput]:
        """Run a command that pyinfra made; returns whether it went well, and its lines."""
        timeout = arguments.pop("_timeout", None) or TIMEOUT_SECONDS
        accepted = arguments.pop("_success_exit_codes", None) or [0]
        stdin = _stdin(arguments.pop("_stdin", None))
        arguments.pop("_get_pty", None)
        # pyinfra speaks in shell lines, our transport in argv; this line is always `sh -c 'the rest'`.
        argv = shlex.split(make_unix_command_for_host(self.state, self.host, command, **arguments).get_raw_value())
        self.completed = self._open().run(argv, stdin=stdin, timeout=timeout)
        lines = [
            OutputLine(name, line)
            for name, data in (("stdout", self.completed.stdout), ("stderr", self.completed.stderr))
            for line in data.decode(errors="replace").splitlines()
        ]
        return self.completed.returncode in accepted, CommandOutput(lines)

    def put_file(self, filename_or_io: Any, remote_filename: str, *_: Any, **__: Any) -> bool:
        """Write a file on the host."""
        self._open().put(_content(filename_or_io), remote_filename, mode=0o644)
        return True

    def get_file(self, remote_filename: str, filename_or_io: Any, *_: Any, **__: Any) -> bool:
        """Fetch a file to a path."""
        self._open().get(remote_filename, Path(filename_or_io))
        return True

    def _open(self) -> Transport:
        if self.transport is None:
            raise UnreachableError(f"{self.host.name} is not connected")
        return self.transport


def _stdin(value: Any) -> bytes:
    if not value:
        return b""
    lines = [value] if isinstance(value, (str, bytes)) else value
    return b"".join((line if isinstance(line, bytes) else line.encode()).rstrip(b"\n") + b"\n" for line in lines)


def _content(source: Any) -> bytes | Path:
    if not hasattr(source, "read"):
        return Path(source)
    data = source.read()
    return data if isinstance(data, bytes) else data.encode()
