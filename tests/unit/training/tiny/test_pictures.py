"""tiny's set: each picture with its caption or a word of what is missing; its samples are the same again."""

import pytest
from PIL import Image


@pytest.fixture
def shots(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    image = Image.new("RGB", (64, 32), "red")
    image.paste("blue", (16, 0, 48, 32))
    image.save(folder / "a.png")
    Image.new("L", (32, 32), 255).save(folder / "b.JPG")
    (folder / "a.txt").write_text("amira, a photo\n")
    (folder / "b.txt").write_text("amira")
    (folder / "notes.md").write_text("x")
    return folder


def test_the_middle_of_each_picture_from_minus_one_to_one(tiny, shots):
    said = tiny.ask("""
images, captions = pictures.load(here / "set", 32)
said = {"shape": list(images.shape), "captions": captions}
said["middle"] = images[0].mean(dim=(1, 2)).round(decimals=2).tolist()
said["grey"] = [float(images[1].min()), float(images[1].max())]
""")
    assert said["shape"] == [2, 3, 32, 32]
    assert said["captions"] == ["amira, a photo", "amira"]
    # Blue is all that is left of it.
    assert said["middle"] == [-1.0, -1.0, 1.0]
    assert said["grey"] == [1.0, 1.0]


def test_a_set_that_is_not_whole_is_named(tiny, shots):
    (shots / "b.txt").unlink()
    said = tiny.ask("""
for folder in ("set", "nothing"):
    (here / "nothing").mkdir(exist_ok=True)
    try:
        pictures.load(here / folder, 32)
    except SystemExit as error:
        said[folder] = str(error)
""")
    assert said["set"].endswith("b.JPG: no caption beside it (b.txt)")
    assert said["nothing"].endswith("nothing: no pictures (.jpg, .jpeg, .png, .webp)")


def test_a_sample_is_its_seeds(tiny):
    said = tiny.ask("""
import hashlib
model, schedule = network.base(32), torch.cos(torch.linspace(0, 1.57, 1002)[1:-1]) ** 2
def sample(seed):
    made = pictures.sample(model, schedule, network.words(["amira"]), 32, seed)
    said["size"] = list(made.size)
    return hashlib.sha256(made.tobytes()).hexdigest()
said["same"] = sample(1) == sample(1)
said["other"] = sample(1) != sample(2)
""")
    assert said == {"same": True, "other": True, "size": [256, 256]}
