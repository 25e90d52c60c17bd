"""Says when a set has too few images, where they were lost, and what is cheapest to do about it."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from dgops.dataset.tally import in_words, reasons
from dgops.errors import DgopsError
from dgops.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.dataset.manifest import Manifest

# A set with this share of its target is accepted.
ENOUGH = 0.7
ADVICE = {
    "no face": "the detector sees upright frontal faces; --crop subject or --crop none keeps the others",
    "too small": "images need 256 pixels on their shorter side; look for larger originals",
    "blurred": "look for sharper originals",
    "near duplicate": "these show nothing new; add other photographs",
    "duplicate": "these are the same files; add other photographs",
    "not an image": "JPEG, PNG, WebP, TIFF, BMP, GIF and AVIF are read",
    "HEIC": "save them as JPEG: HEIC cannot be read here",
    "truncated": "copy these files again from where they came",
    "link": "links are not followed; put the files themselves into the folder",
    "not readable": "look at these files' permissions",
}


class ShortfallError(DgopsError):
    """Too few images are left, and this is where the others went."""


def judge(count: int, target: int | None, before: Sequence[Manifest]) -> None:
    """Raise ShortfallError with the whole funnel if count images are too few."""
    least = ceil((target or 1) * ENOUGH)
    if count >= least:
        return
    lines = [
        f"{one.stage:<11}  {f'{len(one.items)} → {len(one.kept)}':<10}  {in_words(reasons(one.items))}".rstrip()
        for one in before
    ]
    wanted = f"{target} were asked for and {least} are the least" if target else "at least 1 is needed"
    head = f"{counted(count, 'image')} left; {wanted}" if count else f"no image is left; {wanted}"
    raise ShortfallError("\n  ".join([head, *lines]), _advice(before) or "add images to the source")


def _advice(before: Sequence[Manifest]) -> str:
    """Return what to do about the most frequent reason."""
    counts = reasons(item for one in before for item in one.items)
    first = next(iter(counts), "")
    if first.endswith("faces"):
        return "crop these to one person each, or take --crop subject"
    return ADVICE.get(first, "")
