"""04_clean: good images go on; the others are moved aside with the reason, and none is deleted."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dgops.dataset import names
from dgops.dataset.shortfall import judge
from dgops.dataset.stage import Stage
from dgops.dataset.tally import in_words, reasons
from dgops.files import write_json

if TYPE_CHECKING:
    from pathlib import Path

    from dgops.dataset.manifest import Item, Manifest
    from dgops.dataset.options import Options
    from dgops.dataset.stage import Made, Work

INPUTS = ("01_scrape", "02_crop", "03_validate")
SURPLUS = "beyond the target"
COLUMNS = ("source", "reason", "detail", "stage", "aside")


def parameters(options: Options) -> dict[str, Any]:
    """Return how many images the set should have."""
    return {"target": options.target}


def make(work: Work) -> list[Item]:
    """Sort the images into those that go on and, one folder for each reason, those that do not."""
    target = work.parameters["target"]
    crops = _files(work.inputs["02_crop"])
    good = work.inputs["03_validate"].manifest.kept
    judge(len(good), target, [work.inputs[name].manifest for name in INPUTS])
    (work.folder / "images").mkdir()
    items = []
    for item in good[:target]:
        crop = crops[item.name]
        items.append(replace(item, file=work.place(crop, f"images/{crop.name}")))
    surplus = [replace(item, reason=SURPLUS) for item in good[target:]] if target else []
    rejected = [(name, item) for name in INPUTS for item in work.inputs[name].manifest.rejected]
    # The crop where there is one, else the original.
    files = {**_files(work.inputs["01_scrape"]), **crops}
    rows = [_set_aside(work, name, item, files) for name, item in rejected]
    rows += [_set_aside(work, "04_clean", item, files) for item in surplus]
    _write_report(work, rows)
    return [*items, *surplus]


def describe(manifest: Manifest) -> tuple[str, str]:
    """Return how many go on and how many lie aside."""
    aside = sum(name.startswith("rejected/") for name in manifest.outputs) - 2
    kept = len(manifest.kept)
    target = manifest.parameters["target"] or 0
    short = f"{target - kept} short of {target}" if kept < target else ""
    words = (short, in_words(reasons(manifest.items)), f"{aside} kept aside")
    return f"{len(manifest.items)} → {kept}", ", ".join(part for part in words if part)


def _set_aside(work: Work, stage: str, item: Item, files: dict[str, Path]) -> dict[str, str]:
    """Put a rejected image under its reason, if it was one."""
    aside = ""
    if item.name in files:
        aside = f"{item.reason.replace(' ', '_')}/{item.name}{files[item.name].suffix}"
        work.place(files[item.name], f"rejected/{aside}")
    return {"source": item.source, "reason": item.reason, "detail": item.detail, "stage": stage, "aside": aside}


def _files(made: Made) -> dict[str, Path]:
    return {item.name: made.folder / item.file for item in made.manifest.kept}


def _write_report(work: Work, rows: list[dict[str, str]]) -> None:
    write_json(work.folder / "rejected" / "rejected.json", rows)
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows({key: names.shown(value) for key, value in row.items()} for row in rows)
    (work.folder / "rejected" / "rejected.csv").write_text(text.getvalue(), encoding="utf-8")


STAGE = Stage("04_clean", 1, INPUTS, parameters, make, describe)
