"""Lay out a folder of photographs as people have them: good ones, one shot twice, a blurred one, a broken one, a note.

They are those that scikit-image carries; the astronaut's portrait is NASA's.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from PIL import Image, ImageFilter

SOURCE = Path(".venv/demo/skimage/data")
GOOD = (
    "astronaut.png",
    "camera.png",
    "chelsea.png",
    "coffee.png",
    "hubble_deep_field.jpg",
    "motorcycle_left.png",
    "rocket.jpg",
)

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for name in GOOD:
    shutil.copyfile(SOURCE / name, folder / name)
with Image.open(SOURCE / "coffee.png") as coffee:
    coffee.convert("RGB").save(folder / "coffee_again.jpg", quality=60)
with Image.open(SOURCE / "motorcycle_right.png") as motorcycle:
    motorcycle.filter(ImageFilter.GaussianBlur(6)).save(folder / "motorcycle_blurred.jpg")
(folder / "rocket_broken.jpg").write_bytes((SOURCE / "rocket.jpg").read_bytes()[:60000])
shutil.copyfile(SOURCE / "README.txt", folder / "notes.txt")
