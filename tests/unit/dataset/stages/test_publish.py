"""The set as a trainer takes it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dgops.dataset import musubi, pictures
from dgops.dataset.manifest import Item
from dgops.dataset.options import Targets
from dgops.dataset.stages import publish

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ASTRONAUT = Path(__file__).parents[3] / "cases/dataset/astronaut.jpg"


@pytest.fixture
def captioned(tmp_path):
    folder = tmp_path / "captioned"
    folder.mkdir()
    portrait = Image.open(ASTRONAUT).convert("RGB")
    portrait.save(folder / "small.png")
    portrait.resize((1500, 2000)).save(folder / "large.jpg", quality=95)
    for name in ("small", "large"):
        (folder / f"{name}.txt").write_text(f"amiranoor, {name}\n")
    items = [Item("large", "l", file="large.jpg"), Item("small", "s", file="small.png")]
    return {"05_caption": (folder, items)}


@pytest.fixture
def made(make, captioned):
    return make(publish, captioned)


def size(path):
    with Image.open(path) as image:
        return image.size


def test_two_sizes_and_none_enlarged(made):
    sizes = {
        (side, name): size(made.folder / f"{side}/{name}.jpg") for side in (256, 1024) for name in ("small", "large")
    }
    assert sizes == {
        (256, "small"): (256, 256),
        (1024, "small"): (512, 512),
        (256, "large"): (192, 256),
        (1024, "large"): (768, 1024),
    }


def test_captions_lie_beside_the_images(made):
    for side in ("256", "1024"):
        assert sorted(os.listdir(made.folder / side)) == ["large.jpg", "large.txt", "small.jpg", "small.txt"]
        assert (made.folder / side / "small.txt").read_text() == "amiranoor, small\n"


def test_images_are_faithful_and_carry_nothing_else(made, captioned):
    image = Image.open(made.folder / "1024/small.jpg")
    assert not image.getexif()
    assert image.layer[0][1:3] == image.layer[1][1:3] == (1, 1)
    original = np.asarray(Image.open(captioned["05_caption"][0] / "small.png"), dtype=np.float64)
    error = np.mean((np.asarray(image, dtype=np.float64) - original) ** 2)
    assert 10 * np.log10(255**2 / error) > 37


def test_a_smaller_decode_is_as_good_as_the_whole(tmp_path):
    """What at_least saves in time costs nothing that shows."""
    noise = np.random.default_rng(2).normal(0, 1, (512, 512, 3))
    portrait = np.asarray(Image.open(ASTRONAUT).convert("RGB"), dtype=np.float64) + 6 * noise
    large = Image.fromarray(portrait.clip(0, 255).astype(np.uint8)).resize((4032, 4032), Image.Resampling.BICUBIC)
    large.save(tmp_path / "x.jpg", quality=92)
    results = []
    for least in (None, 1024):
        pixels, _ = pictures.read(tmp_path / "x.jpg", least)
        assert pixels.shape[0] == (4032 if least is None else 2016)
        results.append(np.asarray(publish.resized(Image.fromarray(pixels), 1024), dtype=np.float64))
    error = np.mean((results[0] - results[1]) ** 2)
    assert 10 * np.log10(255**2 / error) > 45
    sharp = [np.var(np.diff(one[..., 1], 2, axis=0)) for one in results]
    assert sharp[1] / sharp[0] == pytest.approx(1, abs=0.05)


def test_configurations_are_musubis_and_name_the_trainers_folders(made):
    for name, folder in (
        ("config_win.toml", "C:/AI/apps/musubi-tuner"),
        ("config_linux.toml", "/home/seanf/deadlygraphics/ai/apps/musubi-tuner"),
    ):
        text = (made.folder / name).read_text()
        config = tomllib.loads(text)
        assert musubi.problems(config) == []
        assert config["datasets"][0]["image_directory"] == f"{folder}/256"
        assert "amiranoor" in text


def test_configurations_name_the_hosts_own_folders(make, captioned):
    targets = Targets(windows=Path("/mnt/d/musubi"), linux=Path("/srv/musubi"))
    made = make(publish, captioned, targets=targets)
    assert '"D:/musubi/256"' in (made.folder / "config_win.toml").read_text()
    assert '"/srv/musubi/256"' in (made.folder / "config_linux.toml").read_text()


def test_the_trigger_word(made):
    assert (made.folder / "trigger_word.txt").read_text() == "amiranoor\n"


def test_the_windows_script_has_windows_lines(made):
    data = (made.folder / "train_win.bat").read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n") > 20
    assert b"@SLUG@" not in data
    assert data.isascii()
    # Labels that are jumped to exist.
    assert {line.split()[-1] for line in data.decode().splitlines() if " goto " in line} == {"no_gpu", "not_whole"}
    assert all(f"\r\n:{label}\r\n".encode() in data for label in ("no_gpu", "not_whole"))


def test_the_linux_script_is_clean_and_can_be_started(made):
    script = made.folder / "train_linux.sh"
    assert os.access(script, os.X_OK)
    assert "@SLUG@" not in script.read_text()
    checker = Path(sys.prefix) / "bin/shellcheck"
    done = subprocess.run([checker, script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def start(folder, **environment):
    argv = [folder / "train_linux.sh", "--extra", "1"]
    return subprocess.run(
        argv, env={"PATH": os.environ["PATH"], **environment}, capture_output=True, text=True, timeout=60
    )


def test_the_linux_script_says_all_that_is_missing_and_asks_for_nothing(made):
    done = start(made.folder, WAN_VAE="/nowhere.safetensors")
    assert done.returncode == 2
    assert "WAN_DIT is not set" in done.stderr
    assert "WAN_VAE: no such file: /nowhere.safetensors" in done.stderr
    assert "is not musubi-tuner's folder" in done.stderr


STUB = """#!/bin/sh
case "$1" in
*latents.py) mkdir -p cache_amira; for i in a b; do : > "cache_amira/${i}_0256x0256_wan.safetensors"; done ;;
*outputs.py) for i in a b; do [ -n "$HALF" ] && [ $i = b ] || : > "cache_amira/${i}_wan_te.safetensors"; done ;;
-c) case "$2" in *torch*) exit "${NO_GPU:-0}" ;; *) exec PYTHON "$@" ;; esac ;;
esac
echo "$@" >> calls
"""


@pytest.fixture
def trainer(made):
    """A folder that looks like musubi-tuner's, with a Python that writes down what it was asked."""
    (made.folder / "src/musubi_tuner").mkdir(parents=True)
    (made.folder / "src/musubi_tuner/wan_train_network.py").write_text("")
    (made.folder / ".venv/bin").mkdir(parents=True)
    stub = made.folder / ".venv/bin/python"
    stub.write_text(STUB.replace("PYTHON", sys.executable))
    stub.chmod(0o755)
    for name in ("dit", "vae", "t5"):
        (made.folder / name).write_text("")
    models = {f"WAN_{name.upper()}": str(made.folder / name) for name in ("dit", "vae", "t5")}
    return lambda **more: start(made.folder, **models, **more)


def test_the_linux_script_caches_counts_and_trains(trainer, made):
    done = trainer()
    assert done.returncode == 0, done.stderr
    assert "2 latents and 2 captions of 2" in done.stdout
    latents, texts, train = (made.folder / "calls").read_text().splitlines()
    assert "wan_cache_latents.py --dataset_config config_linux.toml --vae" in latents
    assert "wan_cache_text_encoder_outputs.py" in texts
    for words in (
        "accelerate.commands.launch",
        "--task t2v-14B",
        "--max_data_loader_n_workers 2 --persistent_data_loader_workers",
        "--network_module networks.lora_wan --network_dim 32",
        "--output_name amira --extra 1",
    ):
        assert words in train


def test_the_linux_script_trains_on_no_half_of_a_set_and_on_no_cpu(trainer, made):
    done = trainer(HALF="1")
    assert done.returncode == 1
    assert "cache_amira is not whole" in done.stderr
    assert trainer(NO_GPU="1").returncode == 1
    assert "launch" not in (made.folder / "calls").read_text()
