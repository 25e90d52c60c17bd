"""Measures of an image that do not depend on how large it is: sharpness, and a hash that survives re-encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    Grey = np.ndarray[Any, np.dtype[np.uint8]]

# Sharpness falls as resolution grows, so it is measured at one size. What is smaller stays as it is: enlarged, every
# small picture would look blurred.
LONG_SIDE = 1024
GRID = 4
# A face before a soft background is sharp: the sharpest quarter of the tiles speaks for the picture.
SHARPEST = 4
HASHED = 32
BITS = 8


def grey(pixels: Any) -> Grey:
    """Return an RGB image in grey, its long side at most LONG_SIDE."""
    height, width = pixels.shape[:2]
    scale = LONG_SIDE / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    result: Grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return result


def sharpness(image: Grey) -> float:
    """Return the variance of the Laplacian over the sharpest quarter of the tiles."""
    edges = cv2.Laplacian(image, cv2.CV_16S)
    rows = np.array_split(edges, GRID, axis=0)
    tiles = [tile for row in rows for tile in np.array_split(row, GRID, axis=1) if tile.size]
    spread = sorted((float(cv2.meanStdDev(np.ascontiguousarray(tile))[1][0, 0]) ** 2 for tile in tiles), reverse=True)
    return sum(spread[:SHARPEST]) / max(1, len(spread[:SHARPEST]))


def perceptual_hash(image: Grey) -> int:
    """Return 64 bits of the picture's coarse form (DCT): few of them change when it is resized or re-encoded."""
    small = cv2.resize(image, (HASHED, HASHED), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:BITS, :BITS].ravel()
    bits = low > np.median(low[1:])
    return int("".join("1" if bit else "0" for bit in bits), 2)


def distances(hashes: Sequence[int]) -> Any:
    """Return in how many bits each pair of hashes differs, as a square of numbers."""
    values = np.array(hashes, dtype=np.uint64)
    return np.bitwise_count(values[:, None] ^ values[None, :])
