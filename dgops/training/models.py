"""Base model files on the host that trains: there with the right digest, fetched, or sent along from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.files import digest_file
from dgops.jobs.sums import Sums
from dgops.training import written
from dgops.training.fetch import address, fetch, shown, turn
from dgops.training.results import put

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dgops.training.values import Model

# The digests of files of many gigabytes: reading one again takes a minute.
KNOWN = ".dgops-digests.json"
# Where a job finds files of other hosts that came along with it, below its work folder.
SENT = "models"


def require(models: tuple[Model, ...], folder: Path, sent: Path, told: Callable[[str], None]) -> None:
    """Make every file be there with its digest; raises DgopsError with all that are not and cannot be fetched."""
    missing = []
    for model in models:
        path = folder / model.file
        came = sent / sent_as(model)
        if path.is_file():
            _require_digest(model, path, folder)
        elif came.is_file():
            _require_sound(model, came)
            put(came, path)
        elif address(model):
            with turn(path):
                _fetch(model, path, folder, told)
        else:
            missing.append(f"{model.role}: {path}" + (f" (its source is {model.source})" if model.source else ""))
    if missing:
        raise DgopsError("\n  ".join(["model files are not on this host:", *missing]), "name a source in the recipe")


def sent_as(model: Model) -> str:
    """Return the name that a file of another host travels by."""
    return f"{model.role}/{model.file.rpartition('/')[2]}"


def _fetch(model: Model, path: Path, folder: Path, told: Callable[[str], None]) -> None:
    if path.is_file():
        # Another job was quicker.
        _require_digest(model, path, folder)
        return
    told(f"{model.file} from {shown(model.source)}")
    part = fetch(model, path, told)
    try:
        _require_sound(model, part)
    except DgopsError:
        part.unlink()
        raise
    part.rename(path)
    part.with_suffix(".etag").unlink(missing_ok=True)


def _require_sound(model: Model, path: Path) -> None:
    if model.sha256 and digest_file(path) != model.sha256:
        raise DgopsError(
            f"{model.file}: what came from {shown(model.source)} is another file", "look at the recipe's sha256"
        )
    # A page that says sorry comes with a good status as well.
    if model.file.endswith(".safetensors") and written.metadata(path) is None:
        raise DgopsError(
            f"{model.file}: what came from {shown(model.source)} is no whole .safetensors file", "look at its source"
        )


def _require_digest(model: Model, path: Path, folder: Path) -> None:
    if not model.sha256:
        return
    sums = Sums(folder / KNOWN, forget=False)
    found = sums.of(model.file, path, path.stat())
    sums.keep()
    if found != model.sha256:
        raise DgopsError(f"{path} is not the file that the recipe names: its sha256 is {found}", "move it aside")
