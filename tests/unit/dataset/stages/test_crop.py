"""The face, the subject or all of it, from full resolution."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from dgops.dataset import pictures
from dgops.dataset.manifest import Item
from dgops.dataset.stages import crop

ASTRONAUT = Path(__file__).parents[3] / "cases/dataset/astronaut.jpg"


@pytest.fixture
def scraped(tmp_path):
    folder = tmp_path / "scraped"
    (folder / "images").mkdir(parents=True)
    portrait = Image.open(ASTRONAUT).convert("RGB")
    portrait.save(folder / "images/one.jpg", quality=95)
    portrait.resize((2048, 2048)).save(folder / "images/large.png")
    pair = Image.new("RGB", (1024, 512))
    pair.paste(portrait, (0, 0))
    pair.paste(ImageOps.mirror(portrait), (512, 0))
    pair.save(folder / "images/pair.jpg", quality=95)
    Image.effect_noise((400, 400), 60).save(folder / "images/none.png")
    turned = portrait.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = 6
    turned.save(folder / "images/turned.jpg", quality=95, exif=exif)
    (folder / "images/cut.jpg").write_bytes(ASTRONAUT.read_bytes()[:20000])
    files = sorted(path.name for path in (folder / "images").iterdir())
    items = [Item(Path(name).stem, name, "0" * 64, f"images/{name}") for name in files]
    return {"01_scrape": (folder, items)}


def opened(path):
    with Image.open(path) as image:
        return image.copy()


def test_faces(make, scraped):
    made = make(crop, scraped, crop="face")
    reasons = {item.name: item.reason for item in made.items}
    assert reasons == {
        "cut": "truncated",
        "large": "",
        "none": "no face",
        "one": "",
        "pair": "two faces",
        "turned": "",
    }
    assert [item.source for item in made.items] == sorted(item.source for item in made.items)


def test_a_face_is_cut_square_from_full_resolution(make, scraped):
    made = make(crop, scraped, crop="face")
    sizes = {item.name: opened(made.folder / item.file).size for item in made.items if item.file}
    assert all(width == height for width, height in sizes.values())
    assert sizes["large"][0] > 3.5 * sizes["one"][0]
    whole = np.asarray(opened(scraped["01_scrape"][0] / "images/one.jpg"))
    x, y, width, height = made.by_name["one"].facts["box"]
    cut = np.asarray(opened(made.folder / made.by_name["one"].file))
    assert np.array_equal(cut, whole[y : y + height, x : x + width])


def test_a_portrait_on_its_side_is_cropped_upright(make, scraped):
    made = make(crop, scraped, crop="face")
    upright, turned = made.by_name["one"].facts["box"], made.by_name["turned"].facts["box"]
    assert all(abs(one - other) < 8 for one, other in zip(upright, turned, strict=True))


def test_without_a_crop_good_bytes_pass_through_and_others_are_made_plain(make, scraped):
    made = make(crop, scraped, crop="none")
    original = scraped["01_scrape"][0] / "images/one.jpg"
    assert (made.folder / "images/one.jpg").read_bytes() == original.read_bytes()
    assert made.by_name["turned"].file == "images/turned.png"
    assert made.by_name["none"].file == "images/none.png"
    assert opened(made.folder / "images/none.png").mode == "RGB"


def test_a_subject_keeps_the_head(make, scraped):
    made = make(crop, scraped, crop="subject")
    x, y, width, _ = made.by_name["one"].facts["box"]
    assert y <= 10
    assert x <= 147
    assert x + width >= 303
