"""05_caption: each image with a text of the same name beside it, the trigger word first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from dgops.dataset.captioners import captioner as captioners
from dgops.dataset.stage import Stage
from dgops.errors import DgopsError

if TYPE_CHECKING:
    from dgops.dataset.manifest import Item, Manifest
    from dgops.dataset.options import Options
    from dgops.dataset.stage import Work

INPUT = "04_clean"


def parameters(options: Options) -> dict[str, Any]:
    """Return the captioner, all that it depends on, and the trigger word."""
    chosen = captioners.load(options)
    return {"captioner": options.captioner, "trigger": options.trigger, **chosen.parameters()}


def make(work: Work) -> list[Item]:
    """Caption every image that was kept."""
    cleaned = work.inputs[INPUT]
    kept = cleaned.manifest.kept
    captions = captioners.load(work.options).captions([cleaned.folder / item.file for item in kept])
    items = []
    for item, caption in zip(kept, captions, strict=True):
        if not caption.startswith(work.options.trigger) or "\n" in caption:
            raise DgopsError(f"the caption of {item.name} is not one line with the trigger word first")
        name = PurePosixPath(item.file).name
        work.place(cleaned.folder / item.file, name)
        (work.folder / f"{item.name}.txt").write_text(f"{caption}\n", encoding="utf-8")
        items.append(replace(item, file=name, facts={**item.facts, "caption": caption}))
    return items


def describe(manifest: Manifest) -> tuple[str, str]:
    """Return how many captions there are and who wrote them."""
    return str(len(manifest.kept)), str(manifest.parameters["captioner"])


STAGE = Stage("05_caption", 1, (INPUT,), parameters, make, describe)
