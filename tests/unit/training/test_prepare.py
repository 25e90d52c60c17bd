"""A trainer's environment on a host: found by its lock in the contract, or told how it is asked for."""

from pathlib import Path

import pytest
import yaml

from dgops.errors import DgopsError
from dgops.health.check import Check
from dgops.health.contract import Contract
from dgops.hosts.host import Host
from dgops.training import prepare, presets
from dgops.training.values import Dataset, Recipe, Samples

ROLES = Path(__file__).parents[3] / "roles"
VENV = "/home/seanf/deadlygraphics/ai/apps/tiny/.venv"


def made(trainer="tiny", architecture="tiny-unet"):
    parameters = presets.parameters(architecture, "quick", {})
    recipe = Recipe("a", trainer, architecture, "quick", "d", "t", parameters, Samples(("t",)))
    return prepare.Ready(recipe, Dataset("d" * 64, 4), Path("06_publish/256"), None, {})


def contract(*locks):
    wanted = [{"path": VENV, "lock": f"/usr/local/share/dgops/locks/{lock}.txt"} for lock in locks]
    checks = tuple(Check("python_env", f"venv {one['lock']}", "state", "venv", one) for one in wanted)
    return Contract("pod", checks, {}, "fast-test", "a1", "now", "me", "/workspace/", "")


@pytest.mark.parametrize("lock", ["tiny", "tiny-cu128", "tiny-cpu"])
def test_its_venv_is_the_one_of_its_lock(lock):
    order = prepare.order_for(Host("pod"), contract("runtime", lock), made())
    assert order.venv == VENV
    assert order.output == f"/workspace/dgops/training/{order.run}"


@pytest.mark.parametrize(
    ("trainer", "architecture", "app"),
    [
        ("tiny", "tiny-unet", "tiny"),
        ("sd-scripts", "sdxl", "sd_scripts"),
        ("musubi", "qwen-image", "musubi_tuner"),
        ("ai-toolkit", "flux", "ai_toolkit"),
    ],
)
def test_without_one_it_says_how_to_ask_for_it(trainer, architecture, app):
    with pytest.raises(DgopsError, match=f"pod has no environment for {trainer}") as caught:
        prepare.order_for(Host("pod"), contract("runtime", "tinyish"), made(trainer, architecture))
    assert caught.value.hint == f"in the inventory: dgops_apps: [{app}]; then: dgops deploy --host pod"
    specs = yaml.safe_load((ROLES / "python_env/meta/argument_specs.yml").read_text())["argument_specs"]
    assert app in specs["main"]["options"]["dgops_apps"]["choices"]
