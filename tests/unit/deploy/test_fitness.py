"""A profile that cannot work on a host is refused before anything is installed."""

import json

import pytest

from dgops import settings as settings_room
from dgops.deploy.fitness import refuse_unfit, seen, wanted
from dgops.deploy.look import Looked
from dgops.hosts.host import Host
from dgops.transport.fake import Answer, FakeTransport

TORCH = {"python_env__venvs": [{"path": "/a/.venv", "lock": "musubi", "torch": True}]}


def error_of(gpus, **variables):
    answer = {"observations": [{"seen": {"gpus": gpus}}]}
    transport = FakeTransport(answers=[Answer(("sh",), stdout=json.dumps(answer).encode())])
    looked = Looked(Host("pod", variables=variables), 0.0, transport)
    return refuse_unfit([looked], settings_room.load())[0].error


@pytest.mark.parametrize(
    ("gpu", "variables", "words", "hint"),
    [
        (("NVIDIA GeForce RTX 5090", "580.65.06"), TORCH, "profile cu121 cannot work on", "dgops_profile: cu128"),
        (("NVIDIA GeForce RTX 4090", "520.61.05"), TORCH, "driver 520", "no profile works there"),
        (
            ("NVIDIA GeForce RTX 4090", "550.54.15"),
            {**TORCH, "dgops_profile": "cu130"},
            "profile cu130 cannot work on",
            "dgops_profile: cu124",
        ),
    ],
)
def test_refused(gpu, variables, words, hint):
    error = error_of([{"name": gpu[0], "driver": gpu[1]}], **variables)
    assert words in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("gpus", "variables"),
    [
        ([{"name": "NVIDIA GeForce RTX 4090", "driver": "550.54.15"}], TORCH),
        ([{"name": "NVIDIA GeForce RTX 5090", "driver": "580.65.06"}], {**TORCH, "dgops_profile": "cu128"}),
        ([{"name": "NVIDIA GeForce RTX 5090", "driver": "580.65.06"}], {}),
        ([], TORCH),
        ("rubbish", TORCH),
        ([{"name": None, "driver": 7}, 3], TORCH),
    ],
)
def test_not_refused(gpus, variables):
    assert error_of(gpus, **variables) is None


@pytest.mark.parametrize("answer", [{}, {"observations": 3}, {"observations": [None]}, {"observations": [{"seen": 1}]}])
def test_rubbish_names_no_gpu(answer):
    assert seen(answer) == []


def test_what_a_template_decides_is_left_to_the_role():
    assert wanted({**TORCH, "dgops_profile": "{{ x }}"}, None) is None
    assert wanted({"python_env__venvs": "{{ x }}"}, None) is None
    assert wanted({"dgops_apps": ["comfyui"]}, None) == "cu121"
    assert wanted({"dgops_apps": []}, None) is None
    assert (wanted(TORCH, None), wanted(TORCH, "fast-test")) == ("cu121", "cpu")
