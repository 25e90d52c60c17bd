"""Images from a folder and the folders below it; no link is followed and nothing but regular files is opened."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from dgops.dataset.sources.source import Candidate, is_made_here
from dgops.errors import DgopsError, UsageError
from dgops.files import digest_bytes

MOST_FILES = 5_000
LARGEST = 256 * 1024**2
# What file managers leave behind.
CLUTTER = {"thumbs.db", "desktop.ini"}


class Folder:
    """A folder of the user's, who declares by naming it that the images may be used."""

    def __init__(self, root: Path, output: Path) -> None:
        self.root = root.resolve()
        self.output = output.resolve()

    def survey(self) -> list[Candidate]:
        """Return every file below the folder in order of its path; hidden ones and dgops' own outputs are left out."""
        return [self._look(path) for path in self.paths()]

    def paths(self) -> list[str]:
        """Return the files' relative paths, unopened; raises UsageError where there are none."""
        try:
            paths = sorted(self._walk(self.root), key=os.fsencode)
        except PermissionError as error:
            raise DgopsError(f"{error.filename}: {error.strerror}", "every folder has to be readable") from None
        if not paths:
            raise UsageError(f"{self.root} holds no files", "name a folder with images in it: --source FOLDER")
        return paths

    def read(self, candidate: Candidate) -> bytes:
        """Return a file's bytes; raises DgopsError if they are no longer those that the survey saw."""
        data = _read(self.root / candidate.path)
        if digest_bytes(data) != candidate.sha256:
            raise DgopsError(f"{candidate.path} changed while it was read", "run it again when nobody writes there")
        return data

    def provenance(self, candidate: Candidate) -> dict[str, str]:
        """Return the file's place in the folder; the right is the user's word."""
        return {"source": "folder", "file": candidate.path, "right": "declared by the user"}

    def _walk(self, folder: Path) -> list[str]:
        found: list[str] = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.lower() in CLUTTER:
                    continue
                path = Path(entry.path)
                if not entry.is_dir(follow_symlinks=False):
                    found.append(path.relative_to(self.root).as_posix())
                elif path != self.output and not is_made_here(path):
                    found += self._walk(path)
        if len(found) > MOST_FILES:
            raise UsageError(f"{folder} holds more than {MOST_FILES} files", "name the folder with the images in it")
        return found

    def _look(self, path: str) -> Candidate:
        whole = self.root / path
        try:
            state = whole.lstat()
            if stat.S_ISLNK(state.st_mode):
                inside = whole.resolve().is_relative_to(self.root)
                return Candidate(path, reason="link", detail="to another file here" if inside else "out of the folder")
            if not stat.S_ISREG(state.st_mode):
                return Candidate(path, reason="no regular file")
            if state.st_size > LARGEST:
                return Candidate(path, reason="too large", detail=f"{state.st_size // 1024**2} MB")
            return Candidate(path, digest_bytes(_read(whole)))
        except (OSError, RuntimeError) as error:
            return Candidate(path, reason="not readable", detail=getattr(error, "strerror", "") or "a loop of links")


def _read(path: Path) -> bytes:
    # A pipe that takes the file's place after the look would block, and a link would lead elsewhere.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is no regular file")
        return stream.read(LARGEST + 1)
