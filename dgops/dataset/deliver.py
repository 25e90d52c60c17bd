"""Takes a finished run's results to where others look for them, and judges whether it is finished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.dataset import shipping
from dgops.dataset.stages import publish, summary
from dgops.errors import DgopsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dgops.dataset.options import Options
    from dgops.dataset.stage import Made


@dataclass(frozen=True)
class Delivery:
    """One place that results went to, or did not, in words."""

    what: str
    folder: Path | None
    words: str


def judge(options: Options, made: Mapping[str, Made]) -> None:
    """Raise DgopsError unless every folder of the run is filled and both files of the summary are there."""
    count = len(made["05_caption"].manifest.kept)
    if not count:
        raise DgopsError("05_caption is empty")
    folder = made["06_publish"].folder
    for side in publish.SIDES:
        found = len(list((folder / str(side)).iterdir()))
        if found != 2 * count:
            raise DgopsError(f"{folder / str(side)} holds {found} files and should hold {2 * count}")
    for path in summary_files(options, made):
        if not path.is_file() or not path.stat().st_size:
            raise DgopsError(f"{path} is missing", "run it again")


def summary_files(options: Options, made: Mapping[str, Made]) -> list[Path]:
    """Return the contact sheet and the list of captions."""
    return [made["07_summary"].folder / name for name in summary.file_names(options.slug)]


def deliver(options: Options, made: Mapping[str, Made]) -> Iterator[Delivery]:
    """Copy the summary, then ship the set; yields each place as it is done."""
    files, published = summary_files(options, made), made["06_publish"].folder
    if options.output_dir:
        yield _copy("output-dir", files, options.output_dir)
    if options.targets.warehouse:
        if not options.targets.warehouse.is_dir():
            raise DgopsError(f"{options.targets.warehouse}: no such folder", "DGOPS_WAREHOUSE names the warehouse")
        yield _copy("warehouse", files, options.targets.warehouse)
    if options.of_class:
        # A trainer's folder holds one set: they would take the place of the set that they belong to.
        yield Delivery("trainers", None, "nothing shipped: regularisation images are named by a recipe")
        return
    known = (("windows", options.targets.windows, publish.WINDOWS), ("linux", options.targets.linux, publish.LINUX))
    trainers = [(what, folder, names) for what, folder, names in known if folder]
    # All or none: two trainers with two different sets would be a trap.
    for _, folder, names in trainers:
        shipping.plan(published, names, folder)
    for what, folder, names in trainers:
        yield Delivery(what, folder, _in_words(shipping.ship(options.slug, published, names, folder)))
    if not options.targets.windows and not options.targets.linux:
        yield Delivery("trainers", None, "nothing shipped: no trainer's folder is set here")


def _copy(what: str, files: list[Path], folder: Path) -> Delivery:
    folder.mkdir(parents=True, exist_ok=True)
    for path in files:
        shipping.put(folder, path.name, path.read_bytes())
    return Delivery(what, folder, "contact sheet and captions")


def _in_words(shipped: shipping.Shipped) -> str:
    if not shipped.written and not shipped.replaced:
        return f"{shipped.files} files, there already"
    return f"{shipped.files} files" + (f", replaces {shipped.replaced}" if shipped.replaced else "")
