"""Notes about files that hold inodes and times: settled, so that they are true of any unpacked copy."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from dgops.agent import attest, manifest, program
from dgops.images.clean import inside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_VENVS = ("home/*/.*venv", "home/*/*/.venv")
_PROGRAMS = "home/*/.local/share/dgops/*" + program.NOTE
# When uv saw the wheel that it installed; nobody asks for it.
_CACHE_NOTES = "lib/python3*/site-packages/*.dist-info/uv_cache.json"


def settle(root: Path) -> None:
    """Settle the manifests of venvs and the origins of programs: kind and mode stay proven, the rest is hashed anew."""
    for pattern in _VENVS:
        for venv in inside(root, pattern):
            _settle_venv(venv)
    for note in inside(root, _PROGRAMS):
        _rewrite(note, _settled_note(note.read_text()).encode())


def _settle_venv(venv: Path) -> None:
    held = manifest.read(str(venv))
    gone = {str(path.relative_to(venv)) for path in _without_cache_notes(venv)}
    if held is None:
        return
    rows = {path: row for path, row in held.files.items() if path not in gone}
    for path in gone:
        record = os.path.join(os.path.dirname(path), "RECORD")
        if record in rows:
            status = os.lstat(venv / record)
            digest = attest.digest_of(str(venv / record), status)
            rows[record] = rows[record]._replace(digests=(digest,), size=status.st_size)
    rows = {path: row._replace(stamp=(*row.stamp[:1], 0, 0, 0, 0) if row.stamp else ()) for path, row in rows.items()}
    before = (venv / manifest.STAMP).lstat()
    manifest.write(str(venv), held._replace(files=rows, folders=dict(sorted(held.folders.items())), taken=0))
    os.chown(venv / manifest.STAMP, before.st_uid, before.st_gid)
    (venv / manifest.STAMP).chmod(before.st_mode & 0o777)


def _without_cache_notes(venv: Path) -> Iterator[Path]:
    """Take uv's notes out of a venv and out of the RECORDs that name them; yields where they were."""
    for note in inside(venv, _CACHE_NOTES):
        record = note.with_name("RECORD")
        row = f"{note.parent.name}/{note.name},".encode()
        lines = record.read_bytes().splitlines(keepends=True)
        _rewrite(record, b"".join(line for line in lines if not line.startswith(row)))
        note.unlink()
        yield note


def _settled_note(text: str) -> str:
    note = json.loads(text)
    return json.dumps({**note, "stamp": [note["stamp"][0], 0, 0, 0, 0], "taken": 0}) + "\n"


def _rewrite(path: Path, content: bytes) -> None:
    """Replace a file's content; its owner and mode stay."""
    with path.open("r+b") as stream:
        stream.write(content)
        stream.truncate()
