"""dgops pod create: what a recipe decides."""

import pytest

from dgops.errors import UsageError

CREATE = ("--gpu", "RTX 5090,RTX 4090,A100 PCIe", "--key", "key.pub", "--wait", "0")


def test_a_recipe_decides_environment_and_gpu(double, dgops):
    err = dgops("pod", "create", "one", *CREATE, "--recipe", "qwen-image")[2]
    (pod,) = double.cloud.pods.values()
    assert (pod.body["gpu"]["id"], pod.body["env"]["DGOPS_PROFILE"]) == ("NVIDIA A100 80GB PCIe", "cu121")
    assert "one  qwen-image wants cu121, 42 GiB of GPU memory (musubi-tuner" in err


def test_a_script_says_its_environment_and_how_many_gpus(double, dgops, tmp_path):
    (tmp_path / "s.yml").write_text("kind: script\ncommand: [a]\nenvironment: cu128\ngpus: 2\n")
    dgops("pod", "create", "one", *CREATE, "--recipe", "s.yml")
    (pod,) = double.cloud.pods.values()
    assert (pod.body["gpu"]["count"], pod.body["env"]["DGOPS_PROFILE"]) == (2, "cu128")
    assert "5090" in pod.body["gpu"]["id"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ((), "nobody says what shall run there"),
        (("--recipe", "tiny"), "tiny does not say in which environment"),
        (("--recipe", "tinny"), "no recipe is known as 'tinny'"),
        (("--recipe", "flux-ai-toolkit", "--env", "cu121"), "ai-toolkit 27a03a91 asks for torch 2.13.0"),
    ],
)
def test_nothing_is_rented_where_that_is_not_clear(double, dgops, more, words):
    with pytest.raises(UsageError, match=words):
        dgops("pod", "create", "one", *CREATE, *more)
    assert double.cloud.pods == {}


def test_a_pod_that_is_there_keeps_its_limits_and_says_so(double, dgops):
    env = ("--env", "cu121")
    assert "keeps the limits" not in dgops("pod", "create", "one", *CREATE, *env, "--max-cost", "2")[2]
    (pod,) = double.cloud.pods
    double.settle(pod)
    said = dgops("pod", "create", "one", *CREATE, *env, "--ttl", "8h", "--max-cost", "2")[2]
    assert "one  keeps the limits that it was created with: at most 2.00 $" in said
    assert "dgops pod terminate one" in said
    said = dgops("pod", "create", "one", *CREATE, "--env", "cu124", "--max-cost", "2")[2]
    assert "one  was rented for cu121, and stays so: cu124 needs another pod" in said
    assert "keeps the limits" not in dgops("pod", "create", "one", *CREATE, *env, "--max-cost", "2")[2]
