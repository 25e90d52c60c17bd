"""The dataset pipeline by its command line, without a host: killed, on a full disk, with rubbish, twice at once."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import time

import numpy as np
import pytest
from PIL import Image
from place import REPO, Place

pytestmark = pytest.mark.e2e

PAGE = 4096
ASTRONAUT = REPO / "tests/cases/dataset/astronaut.jpg"
IMAGES = 8


def scene(seed, side=640):
    """Return a sharp grey picture that is like no other seed's; being grey, it has to be written anew by 02_crop."""
    rng = np.random.default_rng(seed)
    blocks = Image.fromarray(rng.integers(0, 256, (7, 7), dtype=np.uint8)).resize((side, side))
    return Image.blend(blocks, Image.fromarray(rng.integers(0, 60, (side, side), dtype=np.uint8)), 0.4)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(IMAGES):
        scene(seed).save(folder / f"p{seed:02}.jpg", quality=90)
    return folder


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def asked(photos, *more, slug="amira", crop="none", output="outputs"):
    argv = ["run", "dataset", "--slug", slug, "--source", photos, "--trigger", "amiranoor"]
    return [*map(str, argv), "--captioner", "template", "--crop", crop, "--output", str(output), *map(str, more)]


def tree(root):
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def whole(photos, tmp_path_factory):
    """The folder of a run that nobody disturbed."""
    place = Place(tmp_path_factory.mktemp("undisturbed"))
    done = place.dgops(*asked(photos))
    assert done.returncode == 0, done.stderr
    return place.root / "outputs/amira"


@pytest.fixture(scope="module")
def undisturbed(whole):
    return tree(whole)


def in_the_middle(stage, least):
    """Return whether a stage is half-made: as many files written as `least`."""

    def look(root):
        return any(len(list(folder.rglob("*.*"))) >= least for folder in root.glob(f".{stage}.*"))

    return look


POINTS = {
    "during 02": in_the_middle("02_crop", 3),
    "during 03": in_the_middle("03_validate", 0),
    "between 04 and 05": lambda root: (root / "04_clean").exists(),
    "during 06": in_the_middle("06_publish", 5),
    "during 07": in_the_middle("07_summary", 0),
}


def test_killed_again_and_again_and_continued_it_makes_the_same_bytes(place, photos, undisturbed):
    root = place.root / "outputs/amira"
    for point, reached in POINTS.items():
        process = place.start(*asked(photos), start_new_session=True)
        deadline = time.monotonic() + 60
        while not reached(root):
            assert process.poll() is None, f"it ended before it could be killed {point}"
            assert time.monotonic() < deadline
        # Its main process alone: the workers have to notice by themselves.
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        assert not (root / "07_summary").exists()
        assert not group_lives(process.pid)
    done = place.dgops(*asked(photos))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(" held\n") == 6
    assert tree(root) == undisturbed
    assert os.listdir(place.root / "outputs") == ["amira"]


def group_lives(group):
    """Tell whether a process of the killed run is still there, a moment later."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.05)
    return True


def test_interrupted_politely_it_leaves_nothing_half_made(place, photos):
    root = place.root / "outputs/amira"
    process = place.start(*asked(photos))
    while not POINTS["during 02"](root):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert os.listdir(root) == ["01_scrape"]
    assert os.listdir(place.root / "outputs") == ["amira"]


def test_two_at_once_the_second_says_who_is_at_work(place, photos):
    first = place.start(*asked(photos))
    while not (place.root / "outputs/amira/01_scrape").exists():
        assert first.poll() is None
    second = place.dgops(*asked(photos))
    assert second.returncode == 1
    assert f"process {first.pid}" in second.stderr
    first.communicate(timeout=60)
    assert first.returncode == 0


@pytest.fixture
def disk(tmp_path):
    """Return `resize(kilobytes)` for a file system of its own at tmp_path/disk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() or not mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", folder):
        pytest.skip("no right to mount a small file system here")
    yield lambda kilobytes: mount("-o", f"remount,size={kilobytes}k", folder)
    subprocess.run(["umount", folder], check=True, timeout=30)


def mount(*argv):
    return subprocess.run(["mount", *argv], capture_output=True, timeout=30).returncode == 0


def kilobytes_until(root, stage):
    """Return what the stages before one need on disk, and half of what it needs itself; links count once."""
    seen, total = set(), 0
    for folder in sorted(root.iterdir()):
        files = [path.stat() for path in folder.rglob("*") if path.is_file()]
        new = {state.st_ino: -(-state.st_size // PAGE) * PAGE for state in files if state.st_ino not in seen}
        seen |= set(new)
        if folder.name == stage:
            return (total + sum(new.values()) // 2) // 1024
        total += sum(new.values())
    raise AssertionError(stage)


def test_a_full_disk_loses_nothing(place, photos, whole, undisturbed, disk):
    output = place.root / "disk/outputs"
    for stage in ("02_crop", "06_publish", "07_summary"):
        disk(kilobytes_until(whole, stage))
        done = place.dgops(*asked(photos, output=output))
        assert done.returncode == 1, done.stderr
        assert f"amira FAILED in {stage}: " in done.stderr
        assert "No space left on device" in done.stderr
        assert "finished stages are kept" in done.stderr
        assert not list((output / "amira").glob(".*"))
        assert not (output / "amira" / stage).exists()
    disk(400_000)
    done = place.dgops(*asked(photos, output=output))
    assert done.returncode == 0, done.stderr
    assert tree(output / "amira") == undisturbed


@pytest.fixture
def litter(place):
    """A folder with one good portrait and everything that people leave beside it."""
    folder = place.root / "litter"
    (folder / "deep").mkdir(parents=True)
    portrait = Image.open(ASTRONAUT).convert("RGB")
    portrait.save(folder / "deep/portrait 🙂 of\na person.jpg", quality=92)
    portrait.save(folder / "near.png")
    Image.merge("RGB", [Image.effect_noise((500, 500), 80)] * 3).save(folder / "nobody.webp")
    pair = Image.new("RGB", (1024, 512))
    pair.paste(portrait, (0, 0))
    pair.paste(portrait, (512, 0))
    pair.save(folder / f"{'long' * 50}.jpg")
    (folder / "text.jpg").write_text("hello")
    (folder / "empty.png").write_bytes(b"")
    (folder / "cut.jpg").write_bytes(ASTRONAUT.read_bytes()[:30000])
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    Image.new("RGB", (30000, 1)).save(folder / "line.png")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "out.jpg").symlink_to("/etc/passwd")
    (folder / os.fsdecode(b"\xff.jpg")).write_bytes(b"\xff")
    return folder


def test_rubbish_is_told_apart_and_named(place, litter):
    code, value = place.json(*asked(litter, crop="face"))
    assert (code, value["kept"]) == (0, 1), value
    with (place.root / "outputs/amira/04_clean/rejected/rejected.csv").open() as stream:
        reasons = {row["source"]: row["reason"] for row in csv.DictReader(stream)}
    assert reasons == {
        "nobody.webp": "no face",
        f"{'long' * 50}.jpg": "two faces",
        "text.jpg": "not an image",
        "?.jpg": "not an image",
        "empty.png": "empty file",
        "cut.jpg": "truncated",
        "dot.png": "no face",
        "line.png": "no face",
        "pipe.jpg": "no regular file",
        "out.jpg": "link",
        "near.png": "near duplicate",
    }
    provenance = json.loads((place.root / "outputs/amira/01_scrape/provenance.json").read_text())
    assert provenance["near"]["sha256"] == hashlib.sha256((litter / "near.png").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"slug": "a/b"}, 2, "cannot be a folder's name"),
        ({"slug": "a b"}, 2, "cannot be a folder's name"),
        ({"slug": "con"}, 2, "device's name"),
        ({"source": "empty"}, 2, "holds no files"),
        ({"source": "text"}, 1, "no image is left"),
        ({"source": "gone"}, 2, "no such folder"),
        ({"trigger": "a,b"}, 2, "is no word"),
    ],
)
def test_bad_input_has_a_message_and_a_code(place, change, code, words):
    (place.root / "empty").mkdir()
    (place.root / "text").mkdir()
    (place.root / "text/a.jpg").write_text("hello")
    known = {"slug": "amira", "source": "text", "trigger": "amiranoor", "crop": "none", **change}
    done = place.dgops("run", "dataset", *(one for key, value in known.items() for one in (f"--{key}", value)))
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr
