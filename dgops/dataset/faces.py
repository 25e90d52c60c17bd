"""Finds faces with OpenCV's bundled Haar cascade, and the crop around one: head and shoulders, square.

The cascade sees upright frontal faces; a head tilted by 30° or more, or a profile, is missed.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    Pixels = np.ndarray[Any, np.dtype[np.uint8]]

CASCADE = "haarcascade_frontalface_alt2.xml"
# Detection looks at a copy of this size: cost grows with the square of it.
LONG_SIDE = 640
SMALLEST = 24
# A second face this large, in length against the first, is somebody else and no spot on a shirt.
COMPARABLE = 0.6
# The crop is this many times as wide as the face that the cascade marks, and this share of it lies above its middle.
WIDTH = 2.8
ABOVE = 0.44

Box = tuple[int, int, int, int]


def find(pixels: Pixels) -> list[Box]:
    """Return the faces in an RGB image as x, y, width, height, largest first."""
    scale = min(1.0, LONG_SIDE / max(pixels.shape[:2]))
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    grey = cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    if min(grey.shape) < SMALLEST:
        return []
    found = _cascade().detectMultiScale(grey, scaleFactor=1.1, minNeighbors=5, minSize=(SMALLEST, SMALLEST))
    boxes = [tuple(round(int(side) / scale) for side in box) for box in found]
    return sorted(boxes, key=lambda box: (-box[2] * box[3], box))


def comparable(boxes: Sequence[Box]) -> list[Box]:
    """Return the largest face and those that are nearly as large."""
    return [box for box in boxes if box[2] >= COMPARABLE * boxes[0][2]]


def head_and_shoulders(box: Box, width: int, height: int) -> Box:
    """Return the square around a face, moved and cut to lie inside an image of that size."""
    x, y, face, _ = box
    side = min(round(face * WIDTH), width, height)
    left = min(max(0, round(x + face / 2 - side / 2)), width - side)
    top = min(max(0, round(y + face / 2 - side * ABOVE)), height - side)
    return left, top, side, side


def whole_head(box: Box, width: int, height: int) -> Box:
    """Return the box of the head that a face belongs to, hair and chin included."""
    x, y, face, _ = box
    left, top = max(0, round(x - 0.3 * face)), max(0, round(y - 0.6 * face))
    return left, top, min(width, round(x + 1.3 * face)) - left, min(height, round(y + 1.3 * face)) - top


@lru_cache(maxsize=1)
def _cascade() -> Any:
    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / CASCADE))
