"""The No-CPU rule, against a real CPU build of torch in processes of its own; no GPU is here to try the other side."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from dgops.environments import cuda
from dgops.errors import DgopsError

ROOT = Path(__file__).parents[3]


RULE = """
import sys
from dgops.environments.cuda import require_gpu, require_on_gpu
from dgops.errors import DgopsError
try:
    {body}
except DgopsError as error:
    print(error.exit_code, error.message)
"""
ITSELF = "torch.Tensor.cuda = lambda one: {}; from dgops.environments import cuda; cuda._require_kernel(torch)"
BODIES = {
    "production": "require_gpu('production')",
    "fast-test": "require_gpu('fast-test'); print('on it goes')",
    "on the CPU": "require_on_gpu(torch.nn.BatchNorm1d(4), 'production')",
    "without memory": "require_on_gpu(torch.nn.Linear(4, 4, device='meta'), 'production')",
    "right": ITSELF.format("one") + "; print('right')",
    "one * 1.5": ITSELF.format("one * 1.5"),
    "one * float('nan')": ITSELF.format("one * float('nan')"),
}
# torch takes seconds to import: once, and then each body has a process of its own.
EACH = """
import json, os, sys
import torch
for name, program in json.load(sys.stdin).items():
    if os.fork():
        os.wait()
        continue
    for stream, kind in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{name}.{kind}", os.O_WRONLY | os.O_CREAT), stream)
    exec(program, {"torch": torch})
    sys.stdout.flush()
    os._exit(0)
"""


@pytest.fixture(scope="session")
def said(tmp_path_factory):
    """What each body prints, as (stdout, stderr), under this Python with a real torch, taken out of its wheel."""
    folders = [Path(name) for name in os.environ.get("PIP_FIND_LINKS", "").split() if "://" not in name]
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    wheels = [one for folder in folders for one in folder.glob(f"torch-*+cpu-{tag}-*.whl")]
    if not wheels:
        pytest.skip(f"no CPU wheel of torch for {tag} in a folder that PIP_FIND_LINKS names")
    place, told = tmp_path_factory.mktemp("torch"), tmp_path_factory.mktemp("said")
    argv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-config", "--target", place, wheels[0]]
    certificates = "/etc/ssl/certs/ca-certificates.crt"
    known = {**os.environ, "SSL_CERT_FILE": certificates} if os.path.exists(certificates) else os.environ
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, env=known, check=False)
    assert done.returncode == 0, done.stderr
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", EACH],
        input=json.dumps({name: RULE.format(body=body) for name, body in BODIES.items()}),
        env={**os.environ, "PYTHONPATH": f"{place}:{ROOT}"},
        cwd=told,
        text=True,
        timeout=120,
        check=True,
    )
    return {name: ((told / f"{name}.out").read_text(), (told / f"{name}.err").read_text()) for name in BODIES}


def test_a_real_torch_without_cuda_is_fatal(said):
    output, errors = said["production"]
    assert output.startswith("1 FATAL: no model runs on the CPU: torch "), errors
    assert "is a build without CUDA" in output


def test_fast_test_mode_goes_on_and_says_so(said):
    output, errors = said["fast-test"]
    assert output == "on it goes\n"
    assert errors.startswith("fast-test mode: no GPU is asked for")


def test_a_real_model_on_the_cpu_is_fatal(said):
    words = "1 FATAL: no model runs on the CPU: the model is not on the GPU: weight and 4 more on cpu"
    assert words in said["on the CPU"][0]


def test_a_model_left_without_memory_is_not_on_the_gpu(said):
    assert "weight and 1 more on meta" in said["without memory"][0]


def test_the_kernels_own_check_takes_a_right_product(said):
    assert said["right"][0] == "right\n", said["right"][1]


@pytest.mark.parametrize("wrong", ["one * 1.5", "one * float('nan')"])
def test_the_kernels_own_check_refuses_a_wrong_product(said, wrong):
    output, errors = said[wrong]
    assert "FATAL: no model runs on the CPU: the GPU multiplies matrices wrongly" in output, errors


def test_without_torch_it_is_fatal(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(DgopsError, match="FATAL: no model runs on the CPU: torch cannot be imported"):
        cuda.require_gpu("production")


def broken():
    raise RuntimeError("CUDA error: out of memory\nmore words")


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        ({"is_available": lambda: False}, "torch 2.5.1+cu121 sees no CUDA GPU"),
        ({"is_available": lambda: True, "mem_get_info": lambda: (2 << 30, 8 << 30)}, "4.0 GB of GPU memory are needed"),
        ({"is_available": lambda: True, "mem_get_info": broken}, "the GPU does not work: CUDA error: out of memory"),
    ],
)
def test_what_a_driver_may_say(monkeypatch, there, reason):
    said = SimpleNamespace(
        __version__="2.5.1+cu121", version=SimpleNamespace(cuda="12.1"), cuda=SimpleNamespace(**there)
    )
    monkeypatch.setitem(sys.modules, "torch", said)
    with pytest.raises(DgopsError) as caught:
        cuda.require_gpu("production", 4 << 30)
    assert caught.value.exit_code == 1
    assert caught.value.message.startswith(f"FATAL: no model runs on the CPU: {reason}")
    assert "\n" not in caught.value.message
