"""GPUs by the driver's library and by its program, and torch by what it computes."""

import json
import subprocess
import sys
import types

import pytest

from dgops.agent import live_gpu

MEBI = 1024 * 1024


@pytest.fixture
def nvml(monkeypatch):
    """Return `nvml(**functions)`: stands in for the driver's library, since no machine of ours has one."""

    def use(**functions):
        memory = types.SimpleNamespace(total=24 * MEBI, free=20 * MEBI)
        known = {
            "NVMLError": RuntimeError,
            "nvmlInit": lambda: None,
            "nvmlShutdown": lambda: None,
            "nvmlSystemGetDriverVersion": lambda: "550.54",
            "nvmlDeviceGetCount": lambda: 1,
            "nvmlDeviceGetHandleByIndex": lambda index: index,
            "nvmlDeviceGetName": lambda device: b"RTX 4090",
            "nvmlDeviceGetMemoryInfo": lambda device: memory,
        }
        monkeypatch.setitem(sys.modules, "pynvml", types.SimpleNamespace(**{**known, **functions}))

    return use


@pytest.fixture
def nvidia_smi(monkeypatch, tmp_path):
    """Return `nvidia_smi(script)`: a program in the place of nvidia-smi; it writes its arguments to `asked`."""

    def use(script):
        path = tmp_path / "nvidia-smi"
        path.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/asked\n{script}\n')
        path.chmod(0o755)
        monkeypatch.setattr(live_gpu, "NVIDIA_SMI", (str(tmp_path / "absent"), str(path)))
        monkeypatch.setitem(sys.modules, "pynvml", None)
        return tmp_path / "asked"

    return use


def test_by_the_library(nvml):
    nvml()
    card = {"name": "RTX 4090", "driver": "550.54", "total": 24 * MEBI, "free": 20 * MEBI}
    assert live_gpu.gpu({}) == {"gpus": [card]}


def test_a_card_that_does_not_tell_is_no_traceback(nvml, monkeypatch):
    def refuse(device):
        raise RuntimeError("Not Supported")

    monkeypatch.setattr(live_gpu, "NVIDIA_SMI", ())
    nvml(nvmlDeviceGetMemoryInfo=refuse)
    assert live_gpu.gpu({}) == {"gpus": [], "reason": "Not Supported"}


def test_by_the_program(nvidia_smi):
    asked = nvidia_smi('echo "NVIDIA GeForce RTX 3080, 551.23, 10240, 9000"; echo "Tesla T4, 551.23, 16, 8"')
    found = live_gpu.gpu({})["gpus"]
    assert [(one["name"], one["driver"], one["total"], one["free"]) for one in found] == [
        ("NVIDIA GeForce RTX 3080", "551.23", 10240 * MEBI, 9000 * MEBI),
        ("Tesla T4", "551.23", 16 * MEBI, 8 * MEBI),
    ]
    assert asked.read_text().split() == [
        "--query-gpu=name,driver_version,memory.total,memory.free",
        "--format=csv,noheader,nounits",
    ]


@pytest.mark.parametrize(
    ("script", "reason"),
    [("echo 'Failed to initialize NVML: Unknown Error'; exit 255", "Failed to initialize NVML: Unknown Error"),
     ("exit 9", "nvidia-smi failed")],
)  # fmt: skip
def test_a_program_that_fails(nvidia_smi, script, reason):
    nvidia_smi(script)
    assert live_gpu.gpu({}) == {"gpus": [], "reason": reason}


@pytest.mark.parametrize(
    ("script", "used"),
    [("echo 3; echo 97", 97.0), ("echo 0", 0.0), (":", 0.0), ("echo '[N/A]'", None), ("echo 5; exit 9", None),
     ("sleep 30", None)],
)  # fmt: skip
def test_how_busy_the_busiest_is(nvidia_smi, script, used):
    asked = nvidia_smi(script)
    assert live_gpu.used(2) == used
    assert asked.read_text().split() == ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]


def test_where_there_is_none_it_is_not_busy(monkeypatch):
    monkeypatch.setattr(live_gpu, "NVIDIA_SMI", ("/nowhere/nvidia-smi",))
    assert live_gpu.used(1) == 0


def test_neither(nvidia_smi, monkeypatch):
    nvidia_smi("")
    monkeypatch.setattr(live_gpu, "NVIDIA_SMI", ())
    assert live_gpu.gpu({}) == {"gpus": [], "reason": "no nvidia-smi"}


def venv_whose_python(tmp_path, script):
    path = tmp_path / "bin/python"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {"venv": str(tmp_path)}


def test_torch_that_warns_and_answers(tmp_path):
    seen = {"version": "2.5.1", "build": None, "cuda": False}
    check = venv_whose_python(tmp_path, f"echo 'UserWarning: x' >&2; echo '{json.dumps(seen)}'")
    assert live_gpu.torch(check) == seen


def test_torch_that_cannot_be_imported(tmp_path):
    check = venv_whose_python(tmp_path, "echo \"ModuleNotFoundError: No module named 'torch'\" >&2; exit 1")
    reason = "ModuleNotFoundError: No module named 'torch'"
    assert live_gpu.torch(check) == {"version": None, "cuda": False, "reason": reason}


def test_torch_that_hangs(tmp_path, monkeypatch):
    monkeypatch.setattr(live_gpu, "TORCH_DEADLINE", 0.3)
    check = venv_whose_python(tmp_path, "sleep 60")
    assert live_gpu.torch(check)["reason"] == "no answer within 0 s"


TENSOR = """
class Tensor:
    def __init__(self, where="cpu"): self.where = where
    def __mod__(self, other): return self
    def __truediv__(self, other): return self
    def reshape(self, *shape): return self
    @property
    def T(self): return self
    def cuda(self): return Tensor("cuda")
    def cpu(self): return self
    def __matmul__(self, other):
        if self.where == "cuda": COMPUTE
        return self
"""
TORCH = """
__version__ = "2.5.1+cu121"
float32 = None
class version: cuda = "12.1"
class cuda:
    is_available = staticmethod(lambda: True)
    get_device_name = staticmethod(lambda index: "RTX 5090")
    get_device_capability = staticmethod(lambda index: (12, 0))
def arange(count, dtype): return Tensor()
def equal(left, right): return left.where == right.where
"""


@pytest.mark.parametrize(
    ("compute", "seen"),
    [
        ("return Tensor('cpu')", {"computes": True}),
        ("return Tensor('wrong')", {"computes": False}),
        ("raise RuntimeError('no kernel image')", {"computes": False, "reason": "no kernel image"}),
        ("raise RuntimeError('CUDA out of memory')", {"computes": None, "reason": "CUDA out of memory"}),
    ],
)
def test_the_program_believes_only_what_was_computed(tmp_path, compute, seen):
    (tmp_path / "torch.py").write_text(TENSOR.replace("COMPUTE", compute) + TORCH)
    done = subprocess.run(
        [sys.executable, "-c", live_gpu.TORCH_PROGRAM], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    card = {"version": "2.5.1+cu121", "build": "12.1", "cuda": True, "device": "RTX 5090", "capability": "12.0"}
    assert json.loads(done.stdout) == {**card, **seen}, done.stderr
