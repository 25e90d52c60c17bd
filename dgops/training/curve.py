"""Loss curves: read, smoothed, and drawn as a PNG or in letters."""

from __future__ import annotations

import contextlib
import json
import math
from typing import TYPE_CHECKING, Any

from dgops.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dgops.training.logged import Logged

Curve = list[tuple[int, float]]
METRICS = "metrics.jsonl"
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 960, 480, 70, 20, 40, 40
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700")
PAPER, INK, GRID = "#ffffff", "#24292f", "#d0d7de"
LINES = 5
BLOCKS = "▁▂▃▄▅▆▇█"


def read(path: Path) -> Curve:
    """Return step and loss of a run's metrics; a step that came twice counts by its last time."""
    found: dict[int, float] = {}
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            row = json.loads(line)
            step, loss = int(row["step"]), row["loss"]
        except (ValueError, KeyError, TypeError):
            continue
        if isinstance(loss, (int, float)) and math.isfinite(loss):
            found[step] = float(loss)
    return sorted(found.items())


def prefer(path: Path, logged: Mapping[int, Logged]) -> None:
    """Put what a trainer logged of each step in the place of what its bar showed, an average over an epoch."""
    if not logged or not path.is_file():
        return
    rows: dict[int, dict[str, Any]] = {}
    for line in path.read_text().splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError):
            row = json.loads(line)
            rows[int(row["step"])] = row
    last = max(rows, default=0)
    for step, found in logged.items():
        said = {key: value for key, value in (("loss", found.loss), ("lr", found.lr)) if value is not None}
        # What was logged behind the last step that counts belongs to a run that was gone back from.
        if said and 0 < step <= last:
            rows[step] = {"step": step, **rows.get(step, {}), **said}
    write_atomic(path, "".join(f"{json.dumps(rows[step])}\n" for step in sorted(rows)))


def smooth(curve: Curve) -> Curve:
    """Return the exponential average over about a twentieth of the curve."""
    keep, mean, found = 1 - 1 / max(1.0, len(curve) / 20), None, []
    for step, loss in curve:
        mean = loss if mean is None else keep * mean + (1 - keep) * loss
        found.append((step, mean))
    return found


def draw(curves: Mapping[str, Curve], path: Path, title: str) -> None:
    """Draw curves into a PNG, each thin with its average bold on top."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    pen = ImageDraw.Draw(image)
    points = [point for curve in curves.values() for point in curve]
    last = max((step for step, _ in points), default=1)
    top = _ceiling(max((loss for _, loss in points), default=1.0))

    def at(step: int, loss: float) -> tuple[float, float]:
        across, up = (WIDTH - LEFT - RIGHT) / max(1, last), (HEIGHT - TOP - BOTTOM) / top
        return LEFT + step * across, HEIGHT - BOTTOM - loss * up

    for number in range(LINES + 1):
        value = top * number / LINES
        _, y = at(0, value)
        pen.line([(LEFT, y), (WIDTH - RIGHT, y)], fill=GRID)
        pen.text((LEFT - 8, y), f"{value:.3g}", fill=INK, anchor="rm")
        x, _ = at(round(last * number / LINES), 0)
        pen.text((x, HEIGHT - BOTTOM + 8), str(round(last * number / LINES)), fill=INK, anchor="mt")
    pen.text((LEFT, TOP / 2), title, fill=INK, anchor="lm")
    for number, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        if len(curve) > 1:
            pen.line([at(*point) for point in curve], fill=_pale(colour), width=1)
            pen.line([at(*point) for point in smooth(curve)], fill=colour, width=3)
        text = f"{name}  {smooth(curve)[-1][1]:.4f}" if curve else f"{name}  no loss"
        pen.text((WIDTH - RIGHT, TOP + 12 + 18 * number), text, fill=colour, anchor="rm")
    from io import BytesIO

    stream = BytesIO()
    image.save(stream, "PNG", optimize=True)
    write_atomic(path, stream.getvalue())


def letters(curve: Curve, width: int = 60) -> str:
    """Return a curve in one line of blocks, its scale from nothing to its highest."""
    if not curve:
        return ""
    values = [loss for _, loss in smooth(curve)]
    picked = [values[min(len(values) - 1, at * len(values) // width)] for at in range(min(width, len(values)))]
    highest = max(picked) or 1.0
    return "".join(BLOCKS[min(len(BLOCKS) - 1, int(value / highest * len(BLOCKS)))] for value in picked)


def _ceiling(value: float) -> float:
    """Return the next number of the form 1, 2 or 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if value <= step * power * (1 + 1e-9))


def _pale(colour: str) -> str:
    parts: Sequence[int] = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return "#" + "".join(f"{(part + 2 * 255) // 3:02x}" for part in parts)
