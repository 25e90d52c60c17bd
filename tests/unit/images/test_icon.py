"""The icon is what Windows takes for one."""

import io
import struct

from PIL import Image

from dgops.images.icon import SIZES, ico


def test_every_size_is_a_picture():
    content = ico()
    assert struct.unpack_from("<HHH", content) == (0, 1, len(SIZES))
    for number, size in enumerate(SIZES):
        side, _, _, _, _, depth, length, offset = struct.unpack_from("<BBBBHHII", content, 6 + 16 * number)
        assert (side or 256, depth) == (size, 32)
        picture = Image.open(io.BytesIO(content[offset : offset + length]))
        assert (picture.format, picture.size, picture.mode) == ("PNG", (size, size), "RGBA")


def test_its_corners_are_clear_and_its_middle_is_not():
    picture = Image.open(io.BytesIO(ico()))
    assert picture.format == "ICO"
    assert picture.size == (256, 256)
    assert picture.convert("RGBA").getpixel((0, 0))[3] == 0
    assert picture.convert("RGBA").getpixel((128, 128))[3] == 255


def test_it_is_small_and_the_same_each_time():
    assert len(ico()) < 64 << 10
    assert ico() == ico()
