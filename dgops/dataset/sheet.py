"""Draws the contact sheet: an even grid of labelled images under a title."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, sqrt
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence

PAPER, CARD, TILE, EDGE = "#f4f2ee", "#ffffff", "#e9e6e0", "#dad6cf"
INK, SOFT, FAINT = "#1d1d1f", "#57544e", "#767168"
MARGIN, GAP, PAD = 48, 20, 12
HEAD = 140
NAME_SIZE, CAPTION_SIZE, LINE = 15, 13, 18
CAPTION_LINES = 3
# Images → side of a tile: a sheet of many stays one that a viewer opens.
TILES = ((60, 256), (250, 208), (1000, 160))
SMALLEST_TILE = 112
WIDEST = 10

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Cell:
    """One image of the sheet, no larger than a tile, and its two labels."""

    image: Image.Image
    name: str
    caption: str


def tile_side(count: int) -> int:
    """Return the side of a tile, in pixels, for so many images."""
    return next((side for most, side in TILES if count <= most), SMALLEST_TILE)


def columns_for(count: int) -> int:
    """Return how many columns make the sheet a little wider than it is high, with a last row that is not lonely."""
    most = min(count, WIDEST)
    wished = min(most, max(1, ceil(sqrt(count * 1.5))))
    near = range(max(1, wished - 1), min(most, wished + 1) + 1)
    return min(near, key=lambda columns: ((-count) % columns, abs(columns - wished)))


def draw(title: str, subtitle: str, cells: Sequence[Cell]) -> Image.Image:
    """Return the sheet."""
    side = tile_side(len(cells))
    columns = columns_for(len(cells))
    # As high as the longest caption, so that a set with short ones has no empty cards.
    lines = max(len(wrapped(cell.caption, side, CAPTION_LINES)) for cell in cells)
    width, height = side + 2 * PAD, side + 2 * PAD + 12 + LINE * (1 + lines)
    rows = ceil(len(cells) / columns)
    # Wide enough for its own title, however few images there are.
    inner = max(columns * (width + GAP) - GAP, int(_font(20).getlength(subtitle)) + 1, int(_font(44).getlength(title)))
    sheet = Image.new("RGB", (inner + 2 * MARGIN, HEAD + rows * (height + GAP) - GAP + MARGIN), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((MARGIN, 36), _drawable(title, 44), INK, _font(44))
    pen.text((MARGIN, 92), _drawable(subtitle, 20), SOFT, _font(20))
    for index, cell in enumerate(cells):
        row, column = divmod(index, columns)
        corner = (MARGIN + column * (width + GAP), HEAD + row * (height + GAP))
        _draw_cell(sheet, pen, corner, (side, width, height), cell)
    return sheet


def _draw_cell(
    sheet: Image.Image, pen: ImageDraw.ImageDraw, corner: tuple[int, int], sizes: tuple[int, int, int], cell: Cell
) -> None:
    (x, y), (side, width, height) = corner, sizes
    pen.rounded_rectangle((x, y, x + width - 1, y + height - 1), 10, CARD, EDGE)
    left, top = x + PAD, y + PAD
    pen.rectangle((left, top, left + side - 1, top + side - 1), TILE)
    sheet.paste(cell.image, (left + (side - cell.image.width) // 2, top + (side - cell.image.height) // 2))
    baseline = top + side + 10
    pen.text((left, baseline), shortened(cell.name, side, NAME_SIZE), INK, _font(NAME_SIZE))
    for number, line in enumerate(wrapped(cell.caption, side, CAPTION_LINES), start=1):
        pen.text((left, baseline + 2 + number * LINE), line, FAINT, _font(CAPTION_SIZE))


def wrapped(text: str, width: int, most: int) -> list[str]:
    """Return text in lines no wider than width pixels; what is left over ends in an ellipsis."""
    lines, rest = list[str](), _drawable(text, CAPTION_SIZE).split()
    while rest and len(lines) < most - 1:
        count = 1
        while count < len(rest) and _font(CAPTION_SIZE).getlength(" ".join(rest[: count + 1])) <= width:
            count += 1
        lines.append(shortened(" ".join(rest[:count]), width, CAPTION_SIZE))
        rest = rest[count:]
    return [*lines, shortened(" ".join(rest), width, CAPTION_SIZE)] if rest else lines


def shortened(text: str, width: int, size: int) -> str:
    """Return text that is no wider than width pixels, with an ellipsis in its middle where it had to be cut."""
    text, font = _drawable(text, size), _font(size)
    if font.getlength(text) <= width:
        return text
    count = bisect_right(range(len(text)), width, key=lambda count: ceil(font.getlength(_cut(text, count)))) - 1
    return _cut(text, max(0, count))


def _cut(text: str, count: int) -> str:
    """Return the first and last characters of text, count of them, with an ellipsis between."""
    return f"{text[: ceil(count / 2)]}…{text[len(text) - count // 2 :]}"


def _drawable(text: str, size: int) -> str:
    return "".join(_drawn(char, size) for char in text)


def _drawn(char: str, size: int) -> str:
    # The font knows no accents, but their letters.
    plain = unicodedata.normalize("NFKD", char)[0]
    return next((one for one in (char, plain) if _has_glyph(one, size)), "?")


@lru_cache(maxsize=4096)
def _has_glyph(char: str, size: int) -> bool:
    """Tell whether the font draws a character of its own for this one, and not its sign for "unknown"."""
    font = _font(size)
    return char.isspace() or bytes(font.getmask(char)) != bytes(font.getmask("\uffff"))


@lru_cache(maxsize=8)
def _font(size: int) -> Font:
    # Pillow carries this one; a font of the system would make each machine's sheet another.
    return ImageFont.load_default(size)
