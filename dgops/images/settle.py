"""Notes about files that hold inodes and times: settled, so that they are true of any unpacked copy."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from dgops.agent import manifest, program
from dgops.images.clean import inside

if TYPE_CHECKING:
    from pathlib import Path

_VENVS = ("home/*/.*venv", "home/*/*/.venv")
_PROGRAMS = "home/*/.local/share/dgops/*" + program.NOTE


def settle(root: Path) -> None:
    """Settle the manifests of venvs and the origins of programs: kind and mode stay proven, the rest is hashed anew."""
    for pattern in _VENVS:
        for venv in inside(root, pattern):
            _settle_venv(venv)
    for note in inside(root, _PROGRAMS):
        _rewrite(note, _settled_note(note.read_text()))


def _settle_venv(venv: Path) -> None:
    held = manifest.read(str(venv))
    if held is None:
        return
    rows = {
        path: row._replace(stamp=(*row.stamp[:1], 0, 0, 0, 0) if row.stamp else ()) for path, row in held.files.items()
    }
    before = (venv / manifest.STAMP).lstat()
    manifest.write(str(venv), held._replace(files=rows, folders=dict(sorted(held.folders.items())), taken=0))
    os.chown(venv / manifest.STAMP, before.st_uid, before.st_gid)
    (venv / manifest.STAMP).chmod(before.st_mode & 0o777)


def _settled_note(text: str) -> str:
    note = json.loads(text)
    return json.dumps({**note, "stamp": [note["stamp"][0], 0, 0, 0, 0], "taken": 0}) + "\n"


def _rewrite(path: Path, text: str) -> None:
    with path.open("r+") as stream:
        stream.write(text)
        stream.truncate()
