"""The agent on a host: shipped once, by the digest of its zip; called with JSON, answered with JSON."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dgops.agent
from dgops.errors import AccessError, RemoteError
from dgops.events.trace import traceparent
from dgops.files import digest_bytes
from dgops.transport.become import run_as_root

if TYPE_CHECKING:
    from dgops.transport.protocol import Completed, Transport

MISSING = 2  # What python3 exits with when the file that it should run is not there.
NOT_FOUND = 127
# An answer is a few kilobytes; reading one as JSON takes many times its size in memory.
MAX_ANSWER = 8 << 20
LONGEST = 300
# Python keeps no bytecode of what it imports out of a zip, and compiling is most of what a short command costs. So the
# host puts its own into the zip, once; a Python of another version reads the sources beside it.
COMPILE = """\
import os, py_compile, shutil, sys, tempfile, zipfile
shipped, made = sys.argv[1:]
part, folder = made + "." + str(os.getpid()), tempfile.mkdtemp()
source = os.path.join(folder, "source.py")
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
try:
    with zipfile.ZipFile(shipped) as old, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry, content)
            with open(source, "wb") as stream:
                stream.write(content)
            name = os.path.join(made, entry.filename)
            py_compile.compile(source, source + "c", dfile=name, doraise=True, invalidation_mode=mode)
            new.write(source + "c", entry.filename + "c")
    os.chmod(part, 0o644)
    os.replace(part, made)
finally:
    shutil.rmtree(folder)
    for path in (part, shipped):
        if os.path.exists(path):
            os.unlink(path)
"""


def call(transport: Transport, command: str, request: dict[str, Any], *, timeout: float = 60.0) -> dict[str, Any]:
    """Run one command of the agent on the host as root, in one round trip where the zip is already there.

    Raises AccessError where Python or sudo is missing, RemoteError where the agent fails, UnreachableError where
    the connection does.
    """
    return _answer(_run(transport, command, request, b"", timeout), command)


def exchange(
    transport: Transport, command: str, request: dict[str, Any], payload: bytes = b"", *, timeout: float = 60.0
) -> tuple[dict[str, Any], bytes]:
    """Run one command that takes or gives bytes: payload follows the request's line, the result its answer's.

    Both are held in memory: send and ask for a few megabytes at a time. Raises as `call` does.
    """
    completed = _run(transport, command, request, payload, timeout)
    line, _, rest = completed.stdout.partition(b"\n")
    return _answer(replace(completed, stdout=line), command), rest


def _run(transport: Transport, command: str, request: dict[str, Any], payload: bytes, timeout: float) -> Completed:
    argv = command_line(command)
    path = argv[1]
    # In the request: an environment does not come through sudo, and arguments are seen by everybody.
    stdin = json.dumps({**request, "traceparent": traceparent()}).encode() + b"\n" + payload
    run = partial(run_as_root, transport, argv, stdin=stdin, timeout=timeout)
    completed = run()
    if completed.returncode == MISSING and b"can't open file" in completed.stderr:
        transport.put(archive(), f"{path}.new", mode=0o644)
        run_as_root(transport, ["python3", "-c", COMPILE, f"{path}.new", path], timeout=timeout)
        completed = run()
    return completed


def command_line(command: str) -> list[str]:
    """Return what runs one command of the agent where its zip is."""
    # Not where a controller keeps the zip that roles carry: a host may be its own controller.
    return ["python3", f".cache/dgops/compiled/{digest()}.pyz", command]


def _answer(completed: Completed, command: str) -> dict[str, Any]:
    # A shell says 127; sudo, where the login user needs it, says it in words.
    if completed.returncode == NOT_FOUND or b"python3: command not found" in completed.stderr:
        raise AccessError(
            "python3 is missing on the host", "on the host, as root: apt-get install -y python3 (3.8 or newer)"
        )
    if len(completed.stdout) > MAX_ANSWER:
        raise RemoteError(f"the agent's {command} answered with {len(completed.stdout) >> 20} MB: that is no agent")
    return parsed(completed.stdout, command, completed)


def parsed(line: bytes, command: str, completed: Completed | None = None) -> dict[str, Any]:
    """Return the agent's answer as a value; raises RemoteError where it is none, or tells of an error."""
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        why = (
            f"ended with exit {completed.returncode}: {_last_line(completed)}" if completed else "answered with no JSON"
        )
        raise RemoteError(
            f"the agent's {command} {why}",
            "Python 3.8 or newer and some free disk space are needed on the host",
        ) from None
    if not isinstance(answer, dict):
        raise RemoteError(f"the agent's {command} answered with no JSON object")
    if "error" in answer:
        raise RemoteError(f"the agent's {command} failed: {str(answer['error'])[:LONGEST]}")
    return dict(answer)


def _last_line(completed: Completed) -> str:
    # Where Python breaks, the last line is the error; where something else answers, one line of it is enough.
    return next(iter(completed.complaint.splitlines()[-1:]), "nothing was said")[:LONGEST]


@lru_cache(maxsize=1)
def archive() -> bytes:
    """Return the agent as a zip that python3 can run, the same bytes for the same sources."""
    folder = Path(dgops.agent.__file__).parent
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archived:
        _add(archived, "__main__.py", b"import sys\nfrom dgops.agent.__main__ import main\nsys.exit(main())\n")
        _add(archived, "dgops/__init__.py", b"")
        for source in sorted(folder.glob("*.py")):
            _add(archived, f"dgops/agent/{source.name}", source.read_bytes())
    return buffer.getvalue()


@lru_cache(maxsize=1)
def digest() -> str:
    """Return the sha256 of the agent's zip."""
    return digest_bytes(archive())


def _add(archived: zipfile.ZipFile, name: str, content: bytes) -> None:
    # The zip format's own first day, so that two builds are byte-equal.
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    archived.writestr(entry, content)
