"""What is installed and yet does not work is found before a GPU is used, and only where a recipe asks for it."""

import sys
from dataclasses import replace

import pytest

from dgops.errors import DgopsError
from dgops.training import venv
from dgops.training.values import Parameters, Recipe

PARAMETERS = Parameters("adamw", "constant", "bf16", 1e-4, 8, 8.0, 512, steps=10)
RECIPE = Recipe("a", "sd-scripts", "sdxl", "quick", "d", "t", PARAMETERS)
# What bitsandbytes says and how it ends where its CUDA is not torch's.
SETUP_FAILED = """\
import sys
print("CUDA Setup failed despite GPU being available.")
sys.exit("RuntimeError: CUDA Setup failed despite GPU being available. Please run: python -m bitsandbytes")
"""
MISMATCH = 'raise ImportError("xformers was built for PyTorch 2.5.1+cu121 and you have 2.6.0+cu124")\n'


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return how a module of that name comes into the interpreter that stands for the venv's."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def install(name, **files):
        for file, text in files.items():
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / f"{file}.py").write_text(text)

    return install


def recipe(optimizer, **options):
    return replace(RECIPE, parameters=replace(PARAMETERS, optimizer=optimizer), options=options)


@pytest.mark.parametrize("optimizer", ["adamw8bit", "AdamW8bit", "PagedAdamW32bit", "Lion8bit"])
def test_bitsandbytes_whose_cuda_setup_failed_is_found_and_another_optimizer_named(installed, optimizer):
    installed("bitsandbytes", __init__="", __main__=SETUP_FAILED)
    with pytest.raises(
        DgopsError, match=r"bitsandbytes does not work in .*: RuntimeError: CUDA Setup failed"
    ) as caught:
        venv.require(recipe(optimizer), sys.executable)
    assert "optimizer: adamw" in caught.value.hint


def test_bitsandbytes_that_is_not_there(installed):
    with pytest.raises(DgopsError, match="No module named bitsandbytes"):
        venv.require(recipe("adamw8bit"), sys.executable)


@pytest.mark.parametrize("optimizer", ["adamw", "Prodigy", "prodigy8bit", "AdaFactor"])
def test_what_no_recipe_asks_for_is_not_looked_at(installed, optimizer):
    installed("bitsandbytes", __init__="", __main__=SETUP_FAILED)
    installed("xformers", __init__="", ops=MISMATCH)
    venv.require(recipe(optimizer), sys.executable)


def test_xformers_of_another_torch_is_found_though_it_is_installed(installed):
    installed("xformers", __init__="", ops=MISMATCH)
    with pytest.raises(
        DgopsError, match=r"import xformers\.ops does not work .*: ImportError: xformers was built"
    ) as one:
        venv.require(recipe("adamw", xformers="true"), sys.executable)
    assert "sdpa" in one.value.hint


def test_both_that_work_are_fine(installed):
    installed("bitsandbytes", __init__="", __main__="print('SUCCESS!')")
    installed("xformers", __init__="", ops="")
    venv.require(recipe("adamw8bit", xformers="true"), sys.executable)


def test_one_that_hangs_has_a_deadline(installed, monkeypatch):
    installed("bitsandbytes", __init__="", __main__="import time; time.sleep(600)")
    monkeypatch.setattr(venv, "SECONDS", 1.0)
    with pytest.raises(DgopsError, match="bitsandbytes does not answer within 1 s"):
        venv.require(recipe("adamw8bit"), sys.executable)


def test_a_venv_that_is_not_there():
    with pytest.raises(DgopsError, match="/nowhere/python: No such file") as caught:
        venv.require(recipe("adamw8bit"), "/nowhere/python")
    assert caught.value.hint == "dgops deploy builds its venv"
