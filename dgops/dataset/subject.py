"""Finds what stands out in a picture by its colour, and the crop around it.

Frequency-tuned salience (Achanta and others, 2009): how far a blurred pixel's colour, in Lab, lies from the picture's
mean; what lies towards the edges counts less. The crop holds nine tenths of it on each axis, with a margin, and never
less than 60 % of either side, nor less than the smallest size that is good for anything: a wrong guess costs little.
A picture in which nothing stands out stays whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    Pixels = np.ndarray[Any, np.dtype[np.uint8]]

LONG_SIDE = 256
LEAST = 0.6
MARGIN = 0.04
# Pixels that a side keeps if it has them: what is smaller is rejected later.
SMALLEST = 256
# Shares of all salience that lie before and behind the crop, on each axis.
BEFORE, BEHIND = 0.05, 0.95
# How fast the edges lose weight: the standard deviation of a bell over the picture, as a share of its side.
BELL = 0.3

Box = tuple[int, int, int, int]


def find(pixels: Pixels, keep: Box | None = None) -> Box:
    """Return the crop around what stands out as x, y, width, height; the box `keep` stays inside it."""
    height, width = pixels.shape[:2]
    scale = min(1.0, LONG_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(cv2.GaussianBlur(small, (5, 5), 0), cv2.COLOR_RGB2LAB).astype(np.float32)
    away = np.linalg.norm(lab - lab.mean(axis=(0, 1)), axis=2)
    if float(away.max()) < 1:
        return 0, 0, width, height
    weight = away * np.outer(_bell(size[1]), _bell(size[0]))
    left, right = _middle(weight.sum(axis=0))
    top, bottom = _middle(weight.sum(axis=1))
    if keep:
        left, right = min(left, keep[0] / width), max(right, (keep[0] + keep[2]) / width)
        top, bottom = min(top, keep[1] / height), max(bottom, (keep[1] + keep[3]) / height)
    x, crop_width = _span(left, right, width)
    y, crop_height = _span(top, bottom, height)
    return x, y, crop_width, crop_height


def _bell(count: int) -> Any:
    places = (np.arange(count) + 0.5) / count - 0.5
    return np.exp(-0.5 * (places / BELL) ** 2)


def _middle(weights: Any) -> tuple[float, float]:
    """Return where the middle nine tenths of the weights begin and end, as shares of their number."""
    total = np.cumsum(weights) / weights.sum()
    start, end = int(np.searchsorted(total, BEFORE)), int(np.searchsorted(total, BEHIND)) + 1
    return start / len(weights), min(end, len(weights)) / len(weights)


def _span(start: float, end: float, length: int) -> tuple[int, int]:
    """Return first pixel and count along one side, from shares of it, with the margin and the least extent."""
    extent = min(1.0, max(LEAST, SMALLEST / length, end - start + 2 * MARGIN))
    first = min(max(0.0, (start + end - extent) / 2), 1 - extent)
    return round(first * length), max(1, round(extent * length))
