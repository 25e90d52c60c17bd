"""Progress bars in what a trainer prints: tqdm's, wherever in a line they stand and whatever is glued to them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Numbers have their bounds: int() refuses thousands of digits, and \d would take those of every script.
BAR = re.compile(
    r"(?P<percent>[0-9]{1,3})%\|[^|]*\|[ ]{0,8}(?P<step>[0-9]{1,12})/(?P<total>[0-9]{1,12})[ ]{0,8}"
    r"\[(?P<elapsed>[0-9:]{1,20})<(?P<eta>[0-9:]{1,20}|\?)(?:[ ]days?,[ ][0-9:]{1,20})?,"
    r"[ ]{0,8}(?P<rate>[0-9.]{1,24}|\?)(?P<unit>it/s|s/it)(?:,[ ]?(?P<said>[^\]]*))?\]"
)
# kohya writes `avr_loss=0.455, Keys Scaled=3`, ai-toolkit `lr: 1.0e-04 loss: 3.4e-01`.
VALUE = re.compile(
    r"(?P<name>[A-Za-z][\w/. ]{0,40}?)(?:=|:[ ])[ ]{0,8}"
    r"(?P<value>[+-]?(?:nan|inf(?:inity)?|[0-9]{1,20}(?:\.[0-9]{0,20})?(?:e[+-]?[0-9]{1,3})?|\.[0-9]{1,20}))(?![\w.])",
    re.IGNORECASE,
)
ESCAPE = re.compile(r"\x1b\[[0-9;?]{0,16}[A-Za-z]")
# A bar stands at the beginning of a line; what is longer was glued to it.
LONGEST = 4096


@dataclass(frozen=True)
class Bar:
    """One state of one bar. `rate` is steps a second, `eta` seconds; None where the bar does not know yet."""

    name: str
    step: int
    total: int
    rate: float | None = None
    eta: float | None = None
    values: Mapping[str, float] = field(default_factory=dict)


def bars(line: str) -> list[Bar]:
    """Return the bars of a line, which is cut at every CR and LF, in their order."""
    text = ESCAPE.sub("", line[:LONGEST])
    found, end = [], 0
    for match in BAR.finditer(text):
        found.append(_bar(match, text[end : match.start()]))
        end = match.end()
    return found


def _bar(match: re.Match[str], before: str) -> Bar:
    rate = _number(match["rate"])
    if rate is not None and match["unit"] == "s/it":
        rate = 1 / rate if rate else None
    return Bar(
        name=before.strip().removesuffix(":").strip(),
        step=int(match["step"]),
        total=int(match["total"]),
        rate=rate,
        eta=_seconds(match["eta"]),
        values={one["name"].strip(): float(one["value"]) for one in VALUE.finditer(match["said"] or "")},
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _seconds(text: str) -> float | None:
    """Read 12:34 and 3308:53:47."""
    parts = text.split(":")
    if not all(part.isdigit() for part in parts):
        return None
    seconds = 0.0
    for part in parts:
        seconds = seconds * 60 + int(part)
    return seconds
