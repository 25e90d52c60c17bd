"""Builds the wheel of this dgops: the same tree gives the same bytes, and a tree is built once."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dgops
from dgops.errors import DgopsError
from dgops.files import digest_file, digest_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SOURCES = (
    *("dgops", "roles", "playbooks", "locks", "profiles", "recipes", "inventories/runpod/hosts.py"),
    *("pyproject.toml", "README.md", "LICENSE", "LICENSES"),
)
BUILD_SECONDS = 120
# What an installer writes beside a wheel's own files.
NOTES = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json")
# The earliest time that a zip can tell.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def build(cache: Path) -> Path:
    """Return the wheel of the tree that this code runs from, or of the installed package outside a clone."""
    clone = Path(dgops.__file__).parents[1]
    files = _files(clone)
    folder = cache / "wheels" / digest_files(Path("/"), files)[:16]
    found = list(folder.glob("*.whl"))
    if found:
        return found[0]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as scratch:
        if (clone / "pyproject.toml").is_file():
            _hatch(clone, files, Path(scratch))
        else:
            _repack(files, Path(scratch))
        name = next(Path(scratch).glob("*.whl")).name
        folder.mkdir(exist_ok=True)
        os.replace(Path(scratch) / name, folder / name)
    return folder / name


def tree_digest() -> str:
    """Return one digest over all that the wheel is made of."""
    return digest_files(Path("/"), _files(Path(dgops.__file__).parents[1]))


def describe(wheel: Path) -> dict[str, str]:
    """Return what the role that installs it needs to know."""
    return {"path": str(wheel), "sha256": digest_file(wheel), "version": wheel.name.split("-")[1]}


def _files(clone: Path) -> list[Path]:
    return list(_sources(clone)) if (clone / "pyproject.toml").is_file() else list(_installed())


def _sources(clone: Path) -> Iterator[Path]:
    for name in SOURCES:
        top = clone / name
        found = [top] if top.is_file() else sorted(top.rglob("*"))
        yield from (path for path in found if path.is_file() and _belongs(path))


def _belongs(path: Path) -> bool:
    return "__pycache__" not in path.parts and path.suffix != ".pyc"


def _installed() -> Iterator[Path]:
    """Yield the files that the installed package brought; scripts and notes of the installer are made anew."""
    for entry in metadata.distribution("dgops").files or ():
        path = Path(str(entry.locate())).resolve()
        if ".." not in entry.parts and entry.name not in NOTES and path.is_file() and _belongs(path):
            yield path


def _hatch(clone: Path, files: Iterable[Path], out: Path) -> None:
    """Build with hatchling in a copy: what lies about in a work tree does not get in."""
    copy = out / "tree"
    for path in files:
        target = copy / path.relative_to(clone)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    argv = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "315532800", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(argv, cwd=copy, env=environment, capture_output=True, text=True, timeout=BUILD_SECONDS)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"hatchling ended with exit {done.returncode}"]
        raise DgopsError(f"the wheel of {clone} could not be built: {lines[-1]}", "make setup installs hatchling")


def _repack(files: Sequence[Path], out: Path) -> None:
    """Make a wheel again of what was installed from one."""
    distribution: Any = metadata.distribution("dgops")
    root = Path(str(distribution.locate_file(""))).resolve()
    record = []
    name = f"dgops-{distribution.version}"
    with zipfile.ZipFile(out / f"{name}-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        for path in sorted(files):
            data = path.read_bytes()
            inner = path.relative_to(root).as_posix()
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{inner},sha256={digest},{len(data)}\n")
            _add(wheel, inner, data)
        inner = f"{name}.dist-info/RECORD"
        _add(wheel, inner, ("".join(record) + f"{inner},,\n").encode())


def _add(wheel: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, ZIP_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    wheel.writestr(info, data)
