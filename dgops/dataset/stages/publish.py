"""06_publish: the set as a trainer takes it: two sizes with captions, and for each system a configuration and a script.

JPEG at quality 95 without chroma subsampling: its error lies below that of the trainer's own VAE, at a fifth of PNG's
bytes. Metadata stays behind, so no camera's place or number is published.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING, Any

from PIL import Image

from dgops.dataset import musubi, pictures
from dgops.dataset.options import LINUX_TRAINER, WINDOWS_TRAINER
from dgops.dataset.stage import Stage
from dgops.dataset.workers import Crash
from dgops.errors import DgopsError
from dgops.hosts.paths import wsl_to_windows

if TYPE_CHECKING:
    from pathlib import Path

    from dgops.dataset.manifest import Item, Manifest
    from dgops.dataset.options import Options
    from dgops.dataset.stage import Work

INPUT = "05_caption"
LARGE, SMALL = 1024, 256
SIDES = (SMALL, LARGE)
QUALITY = 95
# What goes to each system, besides the small images.
WINDOWS = ("train_win.bat", "config_win.toml")
LINUX = ("train_linux.sh", "config_linux.toml")


def parameters(options: Options) -> dict[str, Any]:
    """Return the names and paths that stand in scripts and configurations."""
    return {
        "slug": options.slug,
        "trigger": options.trigger,
        "windows": _as_windows(str(options.targets.windows or WINDOWS_TRAINER)),
        "linux": str(options.targets.linux or LINUX_TRAINER),
        "sides": list(SIDES),
        "quality": QUALITY,
    }


def make(work: Work) -> list[Item]:
    """Write both sizes of every image with its caption, then what a trainer needs to start."""
    captioned = work.inputs[INPUT]
    for side in SIDES:
        (work.folder / str(side)).mkdir()
    kept = captioned.manifest.kept
    tasks = [(captioned.folder / item.file, work.folder, item.name) for item in kept]
    for item, result in zip(kept, work.workers.map(publish_one, tasks), strict=True):
        if isinstance(result, Crash):
            raise DgopsError(f"{item.source} cannot be resized: its decoder fell over", "take it out of the source")
    for item in kept:
        for side in SIDES:
            text = (captioned.folder / f"{item.name}.txt").read_bytes()
            (work.folder / str(side) / f"{item.name}.txt").write_bytes(text)
    _write_texts(work.folder, work.parameters, len(kept))
    return [replace(item, file=f"{LARGE}/{item.name}.jpg") for item in kept]


def publish_one(task: tuple[Path, Path, str]) -> None:
    """Write one image in both sizes; the smaller comes from the larger, and none is ever enlarged."""
    original, folder, name = task
    pixels, _ = pictures.read(original, at_least=LARGE)
    image = Image.fromarray(pixels)
    for side in sorted(SIDES, reverse=True):
        image = resized(image, side)
        with (folder / str(side) / f"{name}.jpg").open("wb") as stream:
            image.save(stream, "JPEG", quality=QUALITY, subsampling=0, optimize=True)


def resized(image: Image.Image, side: int) -> Image.Image:
    """Return an image whose longer side is `side` at most, by Lanczos, which keeps what a trainer learns from."""
    scale = side / max(image.size)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def describe(manifest: Manifest) -> tuple[str, str]:
    """Return how many images there are of each size."""
    count = len(manifest.kept)
    return str(count), ", ".join(f"{count} × {side}" for side in SIDES)


def _as_windows(folder: str) -> str:
    # With its own slashes, which TOML need not escape and Python on Windows takes as well.
    return wsl_to_windows(folder, slash="/") or folder


def _write_texts(folder: Path, chosen: dict[str, Any], count: int) -> None:
    head = musubi.HEAD.format(slug=chosen["slug"], count=count, trigger=chosen["trigger"])
    for name, place in (("config_win.toml", chosen["windows"]), ("config_linux.toml", chosen["linux"])):
        config = musubi.plan(place, chosen["slug"], SMALL, count)
        (folder / name).write_text(musubi.render(config, head), encoding="utf-8")
    (folder / "trigger_word.txt").write_text(f"{chosen['trigger']}\n", encoding="utf-8")
    # cmd.exe loses its labels in a file without CRLF.
    batch = _script("train_win.bat", chosen["slug"], count).replace("\n", "\r\n")
    (folder / "train_win.bat").write_bytes(batch.encode())
    shell = folder / "train_linux.sh"
    shell.write_text(_script(shell.name, chosen["slug"], count), encoding="utf-8")
    shell.chmod(0o755)


def _script(name: str, slug: str, count: int) -> str:
    text = (resources.files("dgops.dataset") / "scripts" / name).read_text(encoding="utf-8")
    return text.replace("@SLUG@", slug).replace("@COUNT@", str(count))


STAGE = Stage("06_publish", 1, (INPUT,), parameters, make, describe)
