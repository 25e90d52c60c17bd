"""A line chart with logarithmic seconds, drawn with Pillow."""

import itertools
import math

from PIL import Image, ImageDraw, ImageFont

SIZE = (1000, 600)
SCALE = 2  # Drawn larger and made smaller: Pillow draws slanted lines without smoothing.
LEFT, TOP, RIGHT, BOTTOM = 80, 70, 300, 70
COLOURS = ("#1b7837", "#b2182b", "#ef8a62", "#2166ac", "#762a83")
GRID, INK, PAPER = "#dddddd", "#222222", "#ffffff"


def draw(curves, title, label, place):
    """Draw name → [(x, seconds)] into a PNG."""
    points = [point for curve in curves.values() for point in curve]
    widest = max(x for x, _ in points)
    low, high = _decades([seconds for _, seconds in points])

    def at(x, seconds):
        share = (math.log10(seconds) - low) / (high - low)
        width, height = SIZE[0] - LEFT - RIGHT, SIZE[1] - TOP - BOTTOM
        return (LEFT + width * x / widest) * SCALE, (TOP + height * (1 - share)) * SCALE

    image = Image.new("RGB", (SIZE[0] * SCALE, SIZE[1] * SCALE), PAPER)
    pen = ImageDraw.Draw(image)
    _text(pen, (LEFT * SCALE, 24 * SCALE), title, 20, "lm")
    _axes(pen, at, (low, high), sorted({x for x, _ in points}), label)
    colours = dict(zip(curves, itertools.cycle(COLOURS)))
    for name, curve in curves.items():
        _curve(pen, at, sorted(curve), colours[name])
    _names(pen, {name: at(*max(curve)) for name, curve in curves.items()}, colours)
    image.resize(SIZE, Image.Resampling.LANCZOS).save(place, optimize=True)


def _decades(seconds):
    """Return the exponents that the axis runs between: half decades around what was measured."""
    return math.floor(2 * math.log10(min(seconds))) / 2, math.ceil(2 * math.log10(max(seconds))) / 2


def _axes(pen, at, span, counts, label):
    low, high = span
    for power in range(math.floor(low), math.ceil(high) + 1):
        for step in (1, 2, 5):
            seconds = step * 10.0**power
            if low <= math.log10(seconds) <= high + 1e-9:
                pen.line([at(0, seconds), at(max(counts), seconds)], fill=GRID, width=SCALE)
                x, y = at(0, seconds)
                _text(pen, (x - 8 * SCALE, y), f"{seconds:g} s", 14, "rm")
    for count in counts:
        x, y = at(count, 10**low)
        pen.line([(x, y), (x, at(count, 10**high)[1])], fill=GRID, width=SCALE)
        _text(pen, (x, y + 8 * SCALE), str(count), 14, "mt")
    middle, bottom = at(max(counts) / 2, 10**low)
    _text(pen, (middle, bottom + 34 * SCALE), label, 16, "mt")


def _curve(pen, at, curve, colour):
    places = [at(x, seconds) for x, seconds in curve]
    pen.line(places, fill=colour, width=3 * SCALE, joint="curve")
    for x, y in places:
        pen.ellipse([x - 5 * SCALE, y - 5 * SCALE, x + 5 * SCALE, y + 5 * SCALE], fill=colour)


def _names(pen, ends, colours):
    """Write each name at the end of its curve, moved down where it would cover another."""
    lowest = 0.0
    for name, (x, y) in sorted(ends.items(), key=lambda end: end[1][1]):
        lowest = max(y, lowest + 20 * SCALE)
        _text(pen, (x + 14 * SCALE, lowest), name, 15, "lm", colours[name])


def _text(pen, place, words, size, anchor, colour=INK):
    pen.text(place, words, fill=colour, font=ImageFont.load_default(size * SCALE), anchor=anchor)
