"""03_validate: judges size, sharpness and likeness with one decode for each image; of two alike the better stays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2

from dgops.dataset import measure, pictures
from dgops.dataset.stage import Stage
from dgops.dataset.tally import in_and_out
from dgops.dataset.workers import Crash
from dgops.files import write_json

if TYPE_CHECKING:
    from pathlib import Path

    from dgops.dataset.manifest import Item
    from dgops.dataset.options import Options
    from dgops.dataset.stage import Work

INPUT = "02_crop"
LIMITS = {"shortest_side": 256, "widest_aspect": 3.0, "least_sharpness": 40.0, "alike_bits": 8}


@dataclass(frozen=True)
class Task:
    """One crop to judge, and the limits."""

    item: Item
    image: Path
    limits: dict[str, Any]


def parameters(options: Options) -> dict[str, Any]:
    """Return the limits."""
    del options
    return dict(LIMITS)


def make(work: Work) -> list[Item]:
    """Judge every crop, then those that are good against each other; the folder gets the verdicts alone."""
    cropped = work.inputs[INPUT]
    tasks = [Task(item, cropped.folder / item.file, work.parameters) for item in cropped.manifest.kept]
    results = work.workers.map(judge_one, tasks)
    judged = [
        replace(task.item, reason="decoder fell over") if isinstance(result, Crash) else result
        for task, result in zip(tasks, results, strict=True)
    ]
    items = [replace(item, file="") for item in drop_alike(judged, work.parameters["alike_bits"])]
    verdicts = {item.name: {"verdict": item.reason or "good", "detail": item.detail, **item.facts} for item in items}
    write_json(work.folder / "verdicts.json", verdicts)
    return items


def judge_one(task: Task) -> Item:
    """Return an image with its measures, rejected where it is too small, too narrow or blurred."""
    cv2.setNumThreads(1)
    try:
        pixels, _ = pictures.read(task.image)
    except pictures.UnreadableError as error:
        return replace(task.item, reason=error.reason, detail=error.detail)
    height, width = pixels.shape[:2]
    size = f"{width} x {height}"
    if min(width, height) < task.limits["shortest_side"]:
        return replace(task.item, reason="too small", detail=size, facts={"width": width, "height": height})
    if max(width, height) > task.limits["widest_aspect"] * min(width, height):
        return replace(task.item, reason="too narrow", detail=size, facts={"width": width, "height": height})
    grey = measure.grey(pixels)
    sharp = round(measure.sharpness(grey), 1)
    facts = {"width": width, "height": height, "sharpness": sharp, "phash": f"{measure.perceptual_hash(grey):016x}"}
    if sharp < task.limits["least_sharpness"]:
        return replace(task.item, reason="blurred", detail=f"sharpness {sharp}", facts=facts)
    return replace(task.item, facts=facts)


def drop_alike(items: list[Item], bits: int) -> list[Item]:
    """Return items with all but the best of each group of equal or nearly equal images rejected.

    Better is: more pixels, then sharper, then first in order. Equal means equal original bytes.
    """
    good = [index for index, item in enumerate(items) if not item.reason]
    apart = measure.distances([int(items[index].facts["phash"], 16) for index in good]) if good else []
    order = sorted(range(len(good)), key=lambda place: (*_worse(items[good[place]]), place))
    result, chosen = list(items), list[int]()
    for place in order:
        item = items[good[place]]
        twin = next((one for one in chosen if items[good[one]].sha256 == item.sha256), None)
        near = next((one for one in chosen if apart[place][one] <= bits), None)
        if twin is not None:
            detail = f"of {items[good[twin]].name}"
            result[good[place]] = replace(item, reason="duplicate", detail=detail)
        elif near is not None:
            detail = f"of {items[good[near]].name}, {int(apart[place][near])} of 64 bits differ"
            result[good[place]] = replace(item, reason="near duplicate", detail=detail)
        else:
            chosen.append(place)
    return result


def _worse(item: Item) -> tuple[float, float]:
    return -item.facts["width"] * item.facts["height"], -item.facts["sharpness"]


STAGE = Stage("03_validate", 1, (INPUT,), parameters, make, in_and_out)
