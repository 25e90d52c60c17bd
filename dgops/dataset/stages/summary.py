"""07_summary: one picture and one text that show the whole set, made from the captioned images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PIL import Image

from dgops.dataset import pictures, sheet
from dgops.dataset.stage import Stage
from dgops.dataset.workers import Crash
from dgops.errors import DgopsError
from dgops.words import counted

if TYPE_CHECKING:
    from pathlib import Path

    from dgops.dataset.manifest import Item, Manifest
    from dgops.dataset.options import Options
    from dgops.dataset.stage import Work

INPUT = "05_caption"


def file_names(slug: str) -> tuple[str, str]:
    """Return the names of the contact sheet and of the list of captions."""
    return f"{slug}_contact_sheet.png", f"{slug}_captions.txt"


def parameters(options: Options) -> dict[str, Any]:
    """Return what stands in the title."""
    crops = {"face": "cropped to the face", "subject": "cropped to the subject", "none": "not cropped"}
    return {"slug": options.slug, "trigger": options.trigger, "crop": crops[options.crop]}


def make(work: Work) -> list[Item]:
    """Draw the sheet and write the captions."""
    captioned = work.inputs[INPUT]
    kept = captioned.manifest.kept
    side = sheet.tile_side(len(kept))
    thumbnails = work.workers.map(thumbnail, [(captioned.folder / item.file, side) for item in kept])
    cells, lines = [], []
    for item, result in zip(kept, thumbnails, strict=True):
        if isinstance(result, Crash):
            raise DgopsError(f"{item.source} cannot be shown: its decoder fell over", "take it out of the source")
        caption = (captioned.folder / f"{item.name}.txt").read_text(encoding="utf-8").strip()
        cells.append(sheet.Cell(Image.frombytes("RGB", result[0], result[1]), item.name, caption))
        lines.append(f"{item.file}: {caption}\n")
    chosen = work.parameters
    subtitle = f"{counted(len(kept), 'image')}  ·  trigger word {chosen['trigger']}  ·  {chosen['crop']}"
    picture, text = file_names(chosen["slug"])
    with (work.folder / picture).open("wb") as stream:
        sheet.draw(chosen["slug"], subtitle, cells).save(stream, "PNG")
    (work.folder / text).write_text("".join(lines), encoding="utf-8")
    return [replace(item, file="") for item in kept]


def thumbnail(task: tuple[Path, int]) -> tuple[tuple[int, int], bytes]:
    """Return size and RGB bytes of an image that fits into a square of that side."""
    path, side = task
    pixels, _ = pictures.read(path, at_least=side)
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return image.size, image.tobytes()


def describe(manifest: Manifest) -> tuple[str, str]:
    """Return the names of the files."""
    return str(len(manifest.kept)), ", ".join(sorted(manifest.outputs, reverse=True))


STAGE = Stage("07_summary", 1, (INPUT,), parameters, make, describe)
