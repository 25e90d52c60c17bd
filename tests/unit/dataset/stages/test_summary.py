"""One picture and one text that show the set, and nothing else."""

import pytest
from PIL import Image

from dgops.dataset.manifest import Item
from dgops.dataset.stages import summary


@pytest.fixture
def made(make, tmp_path):
    folder = tmp_path / "captioned"
    folder.mkdir()
    for name, size in (("a", (300, 200)), ("b", (40, 400))):
        Image.new("RGB", size, "navy").save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(f"amiranoor, {name}\n")
    Image.new("RGB", (300, 300), "red").save(folder / "left_over.png")
    return make(summary, {"05_caption": (folder, [Item(name, name, file=f"{name}.png") for name in "ab"])})


def test_every_caption_on_a_line_of_its_own(made):
    assert (made.folder / "amira_captions.txt").read_text() == "a.png: amiranoor, a\nb.png: amiranoor, b\n"


def test_the_sheet_shows_every_image_and_no_other(made):
    with Image.open(made.folder / "amira_contact_sheet.png") as sheet:
        colours = {colour: count for count, colour in sheet.convert("RGB").getcolors(1 << 24)}
    assert colours[(0, 0, 128)] == 256 * 171 + 26 * 256
    assert (255, 0, 0) not in colours
