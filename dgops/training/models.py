"""Base model files on the host that trains: there with the right digest, or fetched, gone on with after a cut."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.files import digest_file, write_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dgops.training.values import Model

CHUNK = 4 << 20
SECONDS = 60.0
HUB = "https://huggingface.co"
# The digest of a file of many gigabytes, by its size and time: reading it again takes a minute.
KNOWN = ".dgops-digests.json"


def require(models: tuple[Model, ...], folder: Path, told: Callable[[str], None]) -> None:
    """Make every file be there with its digest; raises DgopsError with all that are not and cannot be fetched."""
    missing = []
    for model in models:
        path = folder / model.file
        if path.is_file():
            _require_digest(model, path, folder)
        elif not address(model):
            missing.append(f"{model.role}: {path}")
        else:
            told(f"{model.file} from {model.source}")
            fetch(model, path)
            _require_digest(model, path, folder)
    if missing:
        raise DgopsError("\n  ".join(["model files are not on this host:", *missing]), "name a source in the recipe")


def address(model: Model) -> str:
    """Return the URL that a model file is fetched from, nothing where it has none."""
    if model.source.startswith("hf:"):
        owner, name, file = model.source.removeprefix("hf:").split("/", 2)
        return f"{os.environ.get('HF_ENDPOINT', HUB).rstrip('/')}/{owner}/{name}/resolve/main/{file}"
    return model.source if model.source.startswith(("http://", "https://")) else ""


def fetch(model: Model, path: Path) -> None:
    """Fetch one file; what came before a cut is kept and gone on with. Raises DgopsError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    begin = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address(model))
    if begin:
        request.add_header("Range", f"bytes={begin}-")
    token = os.environ.get("HF_TOKEN", "")
    if token and model.source.startswith("hf:"):
        # Not sent on to where the hub redirects to.
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer, part.open("ab") as stream:
            if begin and answer.status != 206:
                stream.truncate(0)
            length = answer.headers.get("Content-Length")
            wanted = stream.seek(0, 2) + int(length) if length else None
            while piece := answer.read(CHUNK):
                stream.write(piece)
            if wanted is not None and stream.tell() != wanted:
                raise OSError("the connection was cut")
            stream.flush()
            os.fsync(stream.fileno())
    except urllib.error.HTTPError as error:
        if error.code != 416 or not begin:
            hint = "a gated model: dgops secrets set HF_TOKEN" if error.code in (401, 403) else "look at its source"
            raise DgopsError(f"{model.file} cannot be fetched: HTTP {error.code}", hint) from None
    except (OSError, ValueError) as error:
        raise DgopsError(f"{model.file} is not whole: {error}", "run it again: it goes on where it was cut") from None
    if model.sha256 and digest_file(part) != model.sha256:
        part.unlink()
        raise DgopsError(f"{model.file}: what came from {model.source} is another file", "look at the recipe's sha256")
    part.rename(path)


def _require_digest(model: Model, path: Path, folder: Path) -> None:
    if not model.sha256:
        return
    notes = folder / KNOWN
    try:
        known = json.loads(notes.read_text())
    except (OSError, ValueError):
        known = {}
    stat = path.stat()
    stamp = [stat.st_size, stat.st_mtime_ns]
    row = known.get(model.file) if isinstance(known, dict) else None
    found = row[2] if isinstance(row, list) and row[:2] == stamp else digest_file(path)
    if row != [*stamp, found]:
        write_json(notes, {**(known if isinstance(known, dict) else {}), model.file: [*stamp, found]})
    if found != model.sha256:
        raise DgopsError(f"{path} is not the file that the recipe names: its sha256 is {found}", "move it aside")
