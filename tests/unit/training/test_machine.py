"""The machine that trains, as the job sees it."""

import os

import pytest

from dgops.agent import live_gpu
from dgops.training import machine

GIB = 1 << 30
TWO = {
    "gpus": [
        {"name": "NVIDIA H200", "driver": "550.54.15", "total": 139 * GIB, "free": 100 * GIB},
        {"name": "NVIDIA L4", "driver": "550.54.15", "total": 24 * GIB, "free": 24 * GIB},
    ]
}


@pytest.fixture(autouse=True)
def driver(monkeypatch):
    monkeypatch.setattr(live_gpu, "gpu", lambda _check: TWO)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.parametrize(
    ("visible", "names", "vram"),
    [
        (None, ("NVIDIA H200", "NVIDIA L4"), 139.0),
        ("0,1", ("NVIDIA H200", "NVIDIA L4"), 139.0),
        ("1", ("NVIDIA L4",), 24.0),
        (" 1 ,", ("NVIDIA L4",), 24.0),
        ("", (), 0.0),
        ("7", (), 0.0),
    ],
)
def test_only_the_gpus_that_the_job_may_see(monkeypatch, visible, names, vram):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = machine.look()
    assert (found.gpus, found.vram) == (names, vram)
    assert found.cpus == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("seen", [{}, {"gpus": []}, {"gpus": None, "reason": "no driver"}])
def test_none(monkeypatch, seen):
    monkeypatch.setattr(live_gpu, "gpu", lambda _check: seen)
    found = machine.look()
    assert (found.gpus, found.driver, found.vram) == ((), "", 0.0)
    assert machine.vram_used() is None


def test_memory_in_use():
    assert machine.vram_used() == pytest.approx(39.0)


def test_versions_in_a_venv(tmp_path):
    for name in ("torch-2.5.1+cu121.dist-info", "torchvision-0.20.1.dist-info", "torch_geometric-2.0.dist-info"):
        (tmp_path / "lib/python3.10/site-packages" / name).mkdir(parents=True)
    assert machine.version(tmp_path, "torch") == "2.5.1+cu121"
    assert machine.version(tmp_path, "xformers") == ""
