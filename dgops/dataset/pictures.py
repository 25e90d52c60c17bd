"""Reads any image into the one form that the stages know: 8-bit sRGB, upright, opaque; rubbish is refused by name."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

if TYPE_CHECKING:
    from pathlib import Path

# No others: some of Pillow's decoders start programs (EPS) or follow paths.
Image.init()
KNOWN = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")
FORMATS: list[str] = [name for name in KNOWN if name in Image.OPEN]
ENDINGS = {"JPEG": ".jpg", "MPO": ".jpg", "TIFF": ".tif"}
MOST_PIXELS = 100_000_000
ORIENTATION = 0x0112
# A phone's 4032 pixels halved are still more than this many times 1024: measured, the loss is then not visible.
SPARE = 1.9
# What decoders raise on files that were cut, bent or made to hurt.
BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
    Warning,
)
# The size is judged here, before a pixel is decoded, and by the sum of both sides' product alone.
Image.MAX_IMAGE_PIXELS = None


class UnreadableError(Exception):
    """This file is no image that can be used: a short reason, and what is known beside it."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Header:
    """What an image says of itself before it is decoded."""

    format: str
    width: int
    height: int

    @property
    def ending(self) -> str:
        """The file ending that belongs to the format, whatever the file was called."""
        return ENDINGS.get(self.format, f".{self.format.lower()}")


def read_header(data: bytes) -> Header:
    """Return format and size of an image file; raises UnreadableError where it is none or too large."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _open(data) as image:
            return Header(str(image.format), image.width, image.height)


def read(path: Path, at_least: int | None = None) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], bool]:
    """Return an image as height × width × RGB, and whether the file is that already and may be kept as it is.

    With `at_least` a JPEG may come smaller, its longer side still nearly twice that, for a fraction of the time.
    Raises UnreadableError; a truncated file is one.
    """
    data = path.read_bytes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _open(data) as image:
                if at_least:
                    share = SPARE * at_least / max(image.size)
                    image.draft(None, (max(1, int(image.width * share)), max(1, int(image.height * share))))
                image.load()
                as_is = image.format in ("JPEG", "PNG") and image.mode == "RGB" and not image.info.get("icc_profile")
                as_is = as_is and image.getexif().get(ORIENTATION, 1) == 1 and "transparency" not in image.info
                return np.asarray(_normal(image)), as_is
    except BROKEN as error:
        cut = any(word in str(error).lower() for word in ("truncated", "end of file", "not enough", "incomplete"))
        raise UnreadableError("truncated" if cut else "unreadable", str(error)[:200]) from None


def _open(data: bytes) -> Image.Image:
    if not data:
        raise UnreadableError("empty file")
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"hevc"):
        raise UnreadableError("HEIC", "save it as JPEG or PNG")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise UnreadableError("not an image") from None
    except BROKEN as error:
        raise UnreadableError("unreadable", str(error)[:200]) from None
    if image.width * image.height > MOST_PIXELS:
        raise UnreadableError("too many pixels", f"{image.width} x {image.height}")
    return image


def _normal(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    upright = _upright(image)
    if upright.mode in ("PA", "LA", "RGBA", "RGBa", "La") or "transparency" in upright.info:
        return _to_srgb(_flat(upright.convert("RGBA")), profile)
    if upright.mode.startswith("I") or upright.mode == "F":
        return _eight_bits(upright).convert("RGB")
    if profile and upright.mode in ("RGB", "L", "CMYK"):
        return _to_srgb(upright, profile)
    return upright.convert("RGB")


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except BROKEN:
        return image.copy()  # an EXIF block that says nothing turns nothing


def _flat(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return a picture of 16- or 32-bit greys with 8 bits; Pillow's own conversion would cut off all above 255."""
    values = np.nan_to_num(np.asarray(image).astype(np.float64))
    if image.mode == "F" and values.max() <= 1:
        top = 1.0
    elif image.mode.startswith("I;16") or values.max() > 255:
        top = 65535.0 if values.max() <= 65535 else float(values.max())
    else:
        top = 255.0
    return Image.fromarray(np.clip(values * 255 / top, 0, 255).round().astype(np.uint8))


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    plain = image.convert("RGB")
    if not profile:
        return plain
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        turned = ImageCms.profileToProfile(image, source, _srgb(), outputMode="RGB")
    except (ImageCms.PyCMSError, *BROKEN):
        return plain  # a profile that does not fit its image is no profile
    return turned or plain


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
