"""Two trainings side by side: what differs in their recipes, their curves, their samples."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops.errors import UsageError
from dgops.files import write_atomic
from dgops.training import card, curve, results

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SIDE, MOST, GAP, LINE = 192, 6, 8, 22


@dataclass(frozen=True)
class Run:
    """One training at home: its folder, its card, its losses."""

    folder: Path
    card: dict[str, Any]
    losses: curve.Curve

    @property
    def name(self) -> str:
        """The run's name."""
        return str(self.card["run"])


def find(text: str, models: Path = results.MODELS) -> Run:
    """Return a training by its folder, its name, or the beginning of its name; raises UsageError."""
    folders = [Path(text)] if (Path(text) / card.NAME).is_file() else sorted(models.glob(f"{text}*"))
    found = [(folder, said) for folder in folders if (said := card.read(folder))]
    if len(found) > 1:
        names = ", ".join(folder.name for folder, _ in found)
        raise UsageError(f"{text} begins several trainings: {names}", "type one more letter")
    if not found:
        raise UsageError(f"no finished training {text!r} in {models}/", "dgops run train brings them there")
    folder, said = found[0]
    return Run(folder, said, curve.read(folder / curve.METRICS))


def differences(left: Run, right: Run) -> list[tuple[str, str, str]]:
    """Return what differs between two recipes and sets: key, left, right."""
    both = [dict(flat({key: one.card[key] for key in ("recipe", "dataset")})) for one in (left, right)]
    keys = [key for key in dict.fromkeys([*both[0], *both[1]]) if ".sources." not in key]
    return [(key, a, b) for key in keys if (a := both[0].get(key, "-")) != (b := both[1].get(key, "-"))]


def flat(value: Any, head: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of nested mappings by dotted keys."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from flat(one, f"{head}.{key}" if head else str(key))
    else:
        yield head, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def draw(left: Run, right: Run, folder: Path) -> list[Path]:
    """Draw both curves into one picture and the newest samples into another; returns what was written."""
    curves: Mapping[str, curve.Curve] = {left.name: left.losses, right.name: right.losses}
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "loss.png"]
    curve.draw(curves, written[0], f"{left.name} and {right.name}: loss by step")
    sheet = _sheet(left, right)
    if sheet:
        write_atomic(folder / "samples.png", sheet)
        written.append(folder / "samples.png")
    return written


def _sheet(left: Run, right: Run) -> bytes | None:
    from PIL import Image, ImageDraw

    rows = [(one.name, sorted((one.folder / "samples").glob("*.png"))[-MOST:]) for one in (left, right)]
    width = max(len(paths) for _, paths in rows)
    if not width:
        return None
    sheet = Image.new("RGB", (width * (SIDE + GAP) + GAP, len(rows) * (SIDE + LINE + GAP) + GAP), "#ffffff")
    pen = ImageDraw.Draw(sheet)
    for number, (name, paths) in enumerate(rows):
        top = GAP + number * (SIDE + LINE + GAP)
        pen.text((GAP, top), name, fill="#24292f")
        for at, path in enumerate(paths):
            with Image.open(path) as image:
                image.thumbnail((SIDE, SIDE))
                sheet.paste(image.convert("RGB"), (GAP + at * (SIDE + GAP), top + LINE))
    stream = BytesIO()
    sheet.save(stream, "PNG")
    return stream.getvalue()
