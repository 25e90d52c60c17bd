"""One image, from a clean commit to a file: a bare container, the real deploy, cleaned, packed, taken away."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from dgops.deploy.run import Wish, deploy
from dgops.errors import DgopsError, UsageError
from dgops.files import digest_file
from dgops.hosts import inventory
from dgops.images import manifest, oci, place, profile
from dgops.images.clean import clean
from dgops.images.furnish import furnish
from dgops.images.kinds import KINDS
from dgops.images.settle import settle
from dgops.images.source import clean_commit
from dgops.images.tarball import pack, unpack
from dgops.sandbox.progress import step

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dgops.deploy.result import Watcher
    from dgops.images.kinds import Kind
    from dgops.images.place import Place
    from dgops.images.source import Commit
    from dgops.settings import Settings

    Report = Callable[[str], None]

_FINISH_SECONDS = 120


@dataclass(frozen=True)
class Order:
    """What a person asked for; out is None for the usual place, dist/ beside dgops.toml."""

    kind: str
    profile: str | None = None
    out: Path | None = None


@dataclass(frozen=True)
class Built:
    """An image that is there, and what it says of itself."""

    path: Path
    sha256: str
    size: int
    manifest: dict[str, Any]


def build(order: Order, settings: Settings, watcher: Watcher, report: Report) -> Built:
    """Build one image; its file is there whole or not at all, and nothing else is left behind."""
    kind = KINDS[order.kind]
    commit = clean_commit()
    out = order.out or settings.root / "dist" / kind.file_name.format(commit=commit.short)
    if out.is_dir():
        raise UsageError(f"{out} is a folder", "name the file: --out FILE")
    variables = profile.variables(order.profile)
    with place.started(kind, variables, settings, report) as there:
        _deploy(there, watcher)
        if clean_commit() != commit:
            raise DgopsError(f"the tree left commit {commit.short} during the build", "build again")
        with step(report, "last steps in the container"):
            packages = there.run((resources.files("dgops.images") / "files" / "finish.sh").read_text(), _FINISH_SECONDS)
        root = _exported(there, report)
        with step(report, "clean"):
            clean(root, commit.epoch)
            settle(root)
            furnish(root, kind)
            said = manifest.compose(kind, commit, order.profile, packages, root)
            manifest.write(root, said)
        with step(report, f"pack {out.name}"):
            _write(root, kind, out, commit)
    return Built(out, digest_file(out), out.stat().st_size, said)


def _deploy(there: Place, watcher: Watcher) -> None:
    known = inventory.load(there.settings)
    hosts = known.select(place.NAME)
    result = deploy(Wish(hosts, known), there.settings, watcher)[place.NAME]
    if not result.ok:
        failure = result.failure
        words = f"{failure.role}: {failure.task}: {failure.message}" if failure else result.outcome
        raise DgopsError(
            f"the roles could not be applied, so there is no image: {words}", failure.hint if failure else ""
        )


def _exported(there: Place, report: Report) -> Path:
    tar, root = there.work / "export.tar", there.work / "root"
    with step(report, "export the container"):
        there.export(tar)
        unpack(tar, root)
        tar.unlink()
    return root


def _write(root: Path, kind: Kind, out: Path, commit: Commit) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    # Beside the file, so that the rename stays on one disk; the same name each time: what was killed is written over.
    part = out.with_name(f".{out.name}.part")
    try:
        if kind.name == "pod":
            oci.write(root, part, commit)
        else:
            pack(root, part, commit.epoch)
        part.chmod(0o644)
        os.replace(part, out)
    except OSError as error:
        why = error.strerror or error
        raise DgopsError(f"{out} could not be written: {why}", "make room there, or elsewhere: --out FILE") from error
    finally:
        part.unlink(missing_ok=True)
