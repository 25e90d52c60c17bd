"""The icon in Windows' start menu: drawn here, an ICO of several sizes, each a PNG."""

from __future__ import annotations

import struct
import zlib

SIZES = (16, 24, 32, 48, 64, 256)
_GROUND, _RING, _CORE, _CLEAR = b"\x10\x18\x20\xff", b"\x4f\xc3\xa1\xff", b"\xe6\xe6\xe6\xff", b"\x00\x00\x00\x00"


def ico() -> bytes:
    """Return the icon: a ring around a dot on a dark tile with round corners."""
    pictures = [_png(size) for size in SIZES]
    head = struct.pack("<HHH", 0, 1, len(pictures))
    offset = len(head) + 16 * len(pictures)
    entries = b""
    for size, picture in zip(SIZES, pictures, strict=True):
        # 256 does not fit into a byte, and is written as 0.
        side = size % 256
        entries += struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(picture), offset)
        offset += len(picture)
    return head + entries + b"".join(pictures)


def _png(size: int) -> bytes:
    rows = b"".join(b"\0" + b"".join(_pixel(x, y, size) for x in range(size)) for y in range(size))
    head = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _pixel(x: int, y: int, size: int) -> bytes:
    # From -1 to 1, the middle of each pixel.
    across, down = (2 * x + 1) / size - 1, (2 * y + 1) / size - 1
    corner = max(abs(across) - 0.7, 0) ** 2 + max(abs(down) - 0.7, 0) ** 2
    if corner > 0.3**2:
        return _CLEAR
    distance = (across**2 + down**2) ** 0.5
    if 0.45 <= distance <= 0.68:
        return _RING
    return _CORE if distance <= 0.22 else _GROUND
