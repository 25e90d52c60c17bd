"""A machine is worth its price if its GPUs are there and compute."""

import json

import pytest

from dgops.errors import DgopsError
from dgops.pods import sound
from dgops.pods.models import Pod
from dgops.transport.protocol import Completed

POD = Pod("1", "dgops-pod", "RUNNING", gpu="NVIDIA L40S", gpu_count=1)
LISTED = "GPU 0: NVIDIA L40S (UUID: GPU-1)\n"
GOOD = {"version": "2.5.1", "cuda": True, "computes": True}


class Answers:
    """A transport that answers each program with code and text."""

    def __init__(self, **answers):
        self.answers = answers

    def run(self, argv, *, stdin=b"", timeout=60.0):
        code, text = self.answers[argv[0].replace("-", "_")]
        return Completed(tuple(argv), code, text.encode(), b"", 0.0)


def test_fewer_gpus_than_asked_for():
    sound.require_gpus(POD, 1)
    with pytest.raises(DgopsError, match="with 1 GPUs instead of 2"):
        sound.require_gpus(POD, 2)
    with pytest.raises(DgopsError, match="without a GPU"):
        sound.require_gpus(Pod("1", "dgops-pod", "RUNNING"), 1)


@pytest.mark.parametrize(
    ("listing", "torch", "words"),
    [
        ((127, "sh: nvidia-smi: not found"), (0, ""), "nvidia-smi shows no GPU: sh: nvidia-smi: not found"),
        ((0, "No devices were found"), (0, ""), "No devices"),
        ((0, LISTED), (0, json.dumps({**GOOD, "cuda": False})), "finds no CUDA"),
        ((0, LISTED), (0, json.dumps({**GOOD, "computes": False, "reason": "no kernel image"})), "no kernel image"),
    ],
)
def test_what_is_not(listing, torch, words):
    with pytest.raises(DgopsError, match=words):
        sound.require_sound(POD, Answers(nvidia_smi=listing, python3=torch), print)


def test_what_is():
    said = []
    sound.require_sound(POD, Answers(nvidia_smi=(0, LISTED), python3=(0, json.dumps(GOOD))), said.append)
    full = json.dumps({**GOOD, "computes": None})
    sound.require_sound(POD, Answers(nvidia_smi=(0, LISTED), python3=(0, full)), said.append)
    assert said == []
    sound.require_sound(POD, Answers(nvidia_smi=(0, LISTED), python3=(1, "ImportError")), said.append)
    assert "no torch in its image" in said[0]
