"""TensorBoard's event files, read without it: the scalars of each step, as far as the file is written."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A record: its length and a checksum of that, the data and a checksum of those.
HEAD, FOOT = struct.Struct("<QI"), 4
# A record of scalars has a few hundred bytes; a picture among them is passed over.
LARGEST = 64 << 20
VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5


@dataclass(frozen=True)
class Scalar:
    """One value of one step, as it was logged."""

    tag: str
    step: int
    value: float


def read(data: bytes) -> tuple[list[Scalar], int]:
    """Return the scalars of whole records from the beginning of the data, and where the first that is not begins.

    A file grows while it is read: what comes later is read from there. What is no event file has none.
    """
    found: list[Scalar] = []
    at = 0
    while at + HEAD.size <= len(data):
        length, _ = HEAD.unpack_from(data, at)
        end = at + HEAD.size + length + FOOT
        if length > LARGEST or end > len(data):
            break
        try:
            found += _event(data[at + HEAD.size : end - FOOT])
        except (IndexError, struct.error, UnicodeDecodeError):
            break
        at = end
    return found, at


def _event(data: bytes) -> list[Scalar]:
    step, values = 0, []
    for number, value in _fields(data):
        if number == 2 and isinstance(value, int):
            # A negative step is written as its two's complement.
            step = value - (1 << 64) if value >> 63 else value
        elif number == 5 and isinstance(value, bytes):
            values += [one for tag, one in _fields(value) if tag == 1 and isinstance(one, bytes)]
    return [Scalar(tag, step, number) for tag, number in map(_value, values) if number is not None]


def _value(data: bytes) -> tuple[str, float | None]:
    tag, number = "", None
    for field, value in _fields(data):
        if field == 1 and isinstance(value, bytes):
            tag = value.decode()
        elif field == 2 and isinstance(value, float):
            number = value
    return tag, number


def _fields(data: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """Yield the fields of a message of protocol buffers."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == VARINT:
            value, at = _varint(data, at)
            yield key >> 3, value
        elif kind == BYTES:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise IndexError
            yield key >> 3, data[at : at + length]
            at += length
        elif kind in (EIGHT, FOUR):
            form = struct.Struct("<d" if kind == EIGHT else "<f")
            yield key >> 3, form.unpack_from(data, at)[0]
            at += form.size
        else:
            raise IndexError


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise IndexError
