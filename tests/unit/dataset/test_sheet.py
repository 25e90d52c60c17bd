"""The sheet: an even grid, labels that fit, nothing outside of it."""

import pytest
from PIL import Image

from dgops.dataset import sheet
from dgops.dataset.sheet import Cell


def cells(count, caption="amiranoor, a photo", size=(256, 256)):
    return [Cell(Image.new("RGB", size, "navy"), f"image-{number:03}", caption) for number in range(count)]


@pytest.mark.parametrize("count", [1, 2, 5, 12, 31, 36, 100, 251, 1200])
def test_every_count_has_a_grid(count):
    columns = sheet.columns_for(count)
    assert 1 <= columns <= min(count, sheet.WIDEST)
    assert sheet.tile_side(count) * columns < 3000


def test_a_row_is_filled_where_it_can_be():
    assert [count % sheet.columns_for(count) for count in (4, 6, 12, 20, 30, 36)] == [0] * 6


@pytest.mark.parametrize("count", [1, 3, 31])
def test_every_image_is_on_it(count):
    made = sheet.draw("amira", "subtitle", cells(count))
    colours = {colour: number for number, colour in made.getcolors(1 << 24)}
    assert colours[(0, 0, 128)] == count * 256 * 256


def test_the_same_set_gives_the_same_bytes():
    assert sheet.draw("a", "b", cells(5)).tobytes() == sheet.draw("a", "b", cells(5)).tobytes()


def test_short_captions_make_no_empty_cards():
    assert sheet.draw("a", "b", cells(4)).height < sheet.draw("a", "b", cells(4, "long " * 30)).height


@pytest.mark.parametrize("size", [(256, 1), (1, 256), (100, 80)])
def test_odd_images_stand_in_the_middle(size):
    assert sheet.draw("a", "b", cells(2, size=size)).getcolors(1 << 24)


def test_a_long_title_has_room():
    assert sheet.draw("a" * 64, "b " * 40, cells(1)).width > 600


@pytest.mark.parametrize("text", ["", "word", "a photo of " * 40, "unbroken" * 60])
def test_captions_are_no_wider_than_their_tile(text):
    lines = sheet.wrapped(text, 208, 2)
    assert len(lines) <= 2
    assert all(sheet._font(sheet.CAPTION_SIZE).getlength(line) <= 208 for line in lines)


def test_a_short_caption_is_whole():
    assert " ".join(sheet.wrapped("amiranoor, a portrait photo, head and shoulders", 256, 3)) == (
        "amiranoor, a portrait photo, head and shoulders"
    )


def test_what_is_cut_keeps_both_ends():
    cut = sheet.shortened("a-very-long-name-of-a-picture-from-a-camera-0001", 120, sheet.NAME_SIZE)
    assert cut.startswith("a-very")
    assert "…" in cut
    assert cut.endswith("001")


def test_what_the_font_cannot_draw_is_marked():
    assert sheet.shortened("日本 zoë", 500, sheet.NAME_SIZE) == "?? zoe"
