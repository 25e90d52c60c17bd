"""Every kind of image in one form; rubbish by name."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from dgops.dataset import pictures
from dgops.dataset.pictures import UnreadableError

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
# What turns an upright picture into the one that a camera stores with this EXIF orientation.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def quarters():
    """Return an upright picture with a colour in each corner."""
    image = Image.new("RGB", (64, 32))
    for colour, corner in ((RED, (0, 0)), (GREEN, (32, 0)), (BLUE, (0, 16)), (WHITE, (32, 16))):
        image.paste(colour, (*corner, corner[0] + 32, corner[1] + 16))
    return image


def stored(tmp_path, image, form="PNG", **more):
    path = tmp_path / f"x.{form.lower()}"
    image.save(path, form, **more)
    return path


def corners(pixels):
    height, width = pixels.shape[:2]
    near, far = (height // 4, width // 4), (3 * height // 4, 3 * width // 4)
    places = [near, (near[0], far[1]), (far[0], near[1]), far]
    return [tuple(int(value > 127) * 255 for value in pixels[place]) for place in places]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_upright(tmp_path, orientation, form):
    turned = quarters() if STORED[orientation] is None else quarters().transpose(STORED[orientation])
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = orientation
    pixels, as_is = pictures.read(stored(tmp_path, turned, form, exif=exif))
    assert pixels.shape == (32, 64, 3)
    assert corners(pixels) == [RED, GREEN, BLUE, WHITE]
    assert as_is == (orientation == 1 and form in ("JPEG", "PNG"))


def test_a_torn_exif_block_turns_nothing(tmp_path):
    pixels, _ = pictures.read(stored(tmp_path, quarters(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12"))
    assert corners(pixels) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_clear_becomes_white(tmp_path, mode):
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    clear.paste((0, 0, 0, 255), (0, 0, 4, 8))
    pixels, as_is = pictures.read(stored(tmp_path, clear.convert(mode)))
    assert tuple(pixels[4, 1]) == (0, 0, 0)
    if mode != "P":  # Pillow's palette forgets what was clear
        assert tuple(pixels[4, 6]) == WHITE
    assert not as_is


def test_a_clear_colour_of_a_palette_becomes_white(tmp_path):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    pixels, _ = pictures.read(stored(tmp_path, image, "PNG", transparency=1))
    assert tuple(pixels[0, 0]) == WHITE


def test_sixteen_bits_are_scaled_and_not_cut(tmp_path):
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    pixels, as_is = pictures.read(stored(tmp_path, Image.fromarray(ramp), "PNG"))
    assert (int(pixels[0, 0, 0]), int(pixels[-1, -1, 0])) == (0, 255)
    assert 120 < int(pixels[32, 0, 0]) < 136
    assert not as_is


@pytest.mark.parametrize(("top", "expected"), [(1.0, 255), (255.0, 255)])
def test_floating_greys(tmp_path, top, expected):
    image = Image.fromarray(np.array([[0.0, top]] * 2, dtype=np.float32))
    pixels, _ = pictures.read(stored(tmp_path, image, "TIFF"))
    assert (int(pixels[0, 0, 0]), int(pixels[0, 1, 0])) == (0, expected)


def test_cmyk_keeps_its_colours(tmp_path):
    pixels, _ = pictures.read(stored(tmp_path, quarters().convert("CMYK"), "JPEG"))
    assert corners(pixels) == [RED, GREEN, BLUE, WHITE]


def test_the_first_frame_of_a_film(tmp_path):
    path = stored(tmp_path, quarters(), "GIF", save_all=True, append_images=[Image.new("RGB", (64, 32))])
    assert corners(pictures.read(path)[0]) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize(("mode", "form"), [("1", "PNG"), ("L", "PNG"), ("YCbCr", "TIFF"), ("YCbCr", "JPEG")])
def test_other_modes(tmp_path, mode, form):
    image = Image.new("RGB", (8, 8), WHITE).convert(mode)
    pixels, _ = pictures.read(stored(tmp_path, image, form))
    assert pixels.shape == (8, 8, 3)
    assert pixels.min() > 250


def test_lab_colours(tmp_path):
    profiles = [ImageCms.createProfile(name) for name in ("sRGB", "LAB")]
    image = ImageCms.profileToProfile(quarters(), *profiles, outputMode="LAB")
    assert corners(pictures.read(stored(tmp_path, image, "TIFF"))[0]) == [RED, GREEN, BLUE, WHITE]


def test_a_profile_is_followed_and_a_wrong_one_forgotten(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (srgb, b"rubbish"):
        pixels, as_is = pictures.read(stored(tmp_path, quarters(), "PNG", icc_profile=profile))
        assert corners(pixels) == [RED, GREEN, BLUE, WHITE]
        assert not as_is


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_cut_file_is_refused(tmp_path, form, share):
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path = stored(tmp_path, noise, form)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UnreadableError) as caught:
        pictures.read(path)
    assert caught.value.reason in ("truncated", "unreadable")


def bomb():
    """Return a PNG of 60000 × 60000 in a few bytes."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"hello", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (bomb(), "too many pixels"),
        (b"\xff\xd8\xff\xe0", "not an image"),
    ],
)
def test_a_header_that_is_none(data, reason):
    with pytest.raises(UnreadableError) as caught:
        pictures.read_header(data)
    assert caught.value.reason == reason


def test_the_ending_is_the_formats_and_not_the_names():
    data = io.BytesIO()
    quarters().save(data, "PNG")
    header = pictures.read_header(data.getvalue())
    assert (header.ending, header.width, header.height) == (".png", 64, 32)


def test_a_large_jpeg_comes_smaller_where_less_will_do(tmp_path):
    path = stored(tmp_path, quarters().resize((2048, 1024)), "JPEG")
    assert pictures.read(path)[0].shape == (1024, 2048, 3)
    assert pictures.read(path, at_least=256)[0].shape == (256, 512, 3)
    assert pictures.read(path, at_least=1024)[0].shape == (1024, 2048, 3)


@settings(max_examples=120, derandomize=True, deadline=None)
@given(st.integers(0, 5), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=6))
def test_bent_files_are_read_or_refused_and_never_fall_over(tmp_path_factory, form, bends):
    path = tmp_path_factory.mktemp("bent") / "x"
    quarters().save(path, ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")[form])
    data = bytearray(path.read_bytes())
    for place, value in bends:
        data[place % len(data)] = value
    path.write_bytes(data)
    try:
        pixels, _ = pictures.read(path)
    except UnreadableError:
        return
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3
