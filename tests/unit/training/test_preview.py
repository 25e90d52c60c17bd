"""What a training would be, on a host that nobody named and on this machine; nothing is touched."""

import getpass
from pathlib import Path

import pytest

from dgops import settings as settings_room
from dgops.errors import DgopsError
from dgops.health import contract as contracts
from dgops.health.check import Check
from dgops.health.contract import Contract
from dgops.hosts.host import Host
from dgops.training import prepare, presets, preview
from dgops.training.values import Dataset, Model, Recipe, Samples

GIB = 1 << 30


def made(trainer="tiny", architecture="tiny-unet", **options):
    roles = {"sdxl": ("checkpoint",), "qwen-image": ("dit", "vae", "text_encoder")}.get(architecture, ())
    recipe = Recipe(
        name="a",
        trainer=trainer,
        architecture=architecture,
        preset="quick",
        dataset="/d",
        trigger="t",
        parameters=presets.parameters(architecture, "quick", {}),
        samples=Samples(("t",)),
        models=tuple(Model(role, f"{role}.safetensors") for role in roles),
        options=options,
    )
    return prepare.Ready(recipe, Dataset("d" * 64, 8), Path("06_publish/256"), None, {})


@pytest.fixture
def host(tmp_path, monkeypatch):
    """Make a host of this machine, deployed for every trainer; the real agent looks at it."""
    settings = settings_room.load()
    locks = ("tiny", "sd-scripts", "musubi")
    venvs = [{"path": str(tmp_path / "apps" / lock / ".venv"), "lock": f"{lock}.txt"} for lock in locks]
    checks = tuple(Check("python_env", one["lock"], "state", "venv", one) for one in venvs)
    contracts.save(
        Contract("here", checks, {}, "production", "a1", "now", "me", str(tmp_path / "root"), ""), settings.state
    )
    monkeypatch.setattr(preview, "require_ready", lambda _link: None)
    return Host("here", "local", variables={"user__name": getpass.getuser()}), settings


@pytest.mark.parametrize(
    ("trainer", "architecture"),
    [("tiny", "tiny-unet"), ("sd-scripts", "sdxl"), ("musubi", "qwen-image"), ("ai-toolkit", "flux")],
)
def test_without_a_host_there_is_a_plan_and_no_verdict(trainer, architecture):
    found = preview.anywhere(made(trainer, architecture))
    assert found.run.startswith("a-")
    assert (found.refusals, found.machine) == ((), None)
    assert found.plan.steps[-1].trains
    assert all(one.argv[0].startswith("/") for one in found.plan.steps)


def test_what_a_venv_can_import_is_the_hosts_to_say():
    """A plan with xformers was refused wherever it was looked at, since nothing of the host's venv is here."""
    found = preview.anywhere(made("sd-scripts", "sdxl", xformers="true"))
    assert "--xformers" in found.plan.steps[-1].argv


def test_the_torch_of_a_hosts_venv_is_known(host, monkeypatch, tmp_path):
    """A plan for a host with an old torch was one for the newest release, and xformers were there in any venv."""
    monkeypatch.setattr(preview, "_machine", lambda _answer: preview.Machine(1, ("NVIDIA L40S",), "550.1", 48.0))
    packages = tmp_path / "apps/sd-scripts/.venv/lib/python3.10/site-packages"
    (packages / "torch-2.5.1+cu121.dist-info").mkdir(parents=True)
    with pytest.raises(DgopsError, match=r"2\.5\.1\+cu121 is there"):
        preview.on(*host, made("sd-scripts", "flux"))
    with pytest.raises(DgopsError, match="xformers"):
        preview.on(*host, made("sd-scripts", "sdxl", xformers="true"))
    (packages / "xformers-0.0.28.post3.dist-info").mkdir()
    assert "--xformers" in preview.on(*host, made("sd-scripts", "sdxl", xformers="true")).plan.steps[-1].argv


def test_production_without_a_gpu_is_refused_and_planned_all_the_same(host, monkeypatch):
    monkeypatch.setattr(preview, "_machine", lambda _answer: preview.Machine(1))
    found = preview.on(*host, made())
    assert found.refusals == ("FATAL: no GPU here, and training runs on a GPU",)
    assert found.plan.total == 20


def test_a_gpu_that_is_too_small_is_named_with_who_says_so(host, monkeypatch):
    monkeypatch.setattr(preview, "_machine", lambda _answer: preview.Machine(1, ("NVIDIA T4",), "550.1", 8.0))
    (refusal,) = preview.on(*host, made("musubi", "qwen-image")).refusals
    assert refusal.startswith("it needs 12 GiB of GPU memory at least (musubi-tuner docs/qwen_image.md")
    assert refusal.endswith("8 are there")
    monkeypatch.setattr(preview, "_machine", lambda _answer: preview.Machine(1, ("NVIDIA H200",), "550.1", 139.0))
    assert preview.on(*host, made("musubi", "qwen-image")).refusals == ()


def test_a_host_that_is_not_ready_is_one_of_the_refusals(host, monkeypatch):
    def refuse(_link):
        raise DgopsError("here is not as its contract says")

    monkeypatch.setattr(preview, "require_ready", refuse)
    assert "here is not as its contract says" in preview.on(*host, made()).refusals


def test_nothing_is_touched(host, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    preview.on(*host, made())
    assert not (tmp_path / "root").exists()
    assert [one for one in sorted(tmp_path.rglob("*")) if one not in before and "root" in one.name] == []


@pytest.mark.parametrize(
    ("answer", "names", "vram"),
    [
        ({"observations": [{"seen": {"gpus": [{"name": "A", "driver": "550.1", "total": 24 * GIB}]}}]}, ("A",), 24.0),
        ({"observations": [{"seen": {"gpus": [{"name": "A"}, {"name": "B", "total": GIB}]}}]}, ("A", "B"), 1.0),
        ({"observations": [{"seen": {"gpus": []}}]}, (), 0.0),
        ({"observations": [{"seen": {"gpus": None}}]}, (), 0.0),
        ({"observations": [{"seen": {"gpus": ["x"]}}]}, (), 0.0),
        ({"observations": [{"seen": "x"}]}, (), 0.0),
        ({"observations": "x"}, (), 0.0),
        ({}, (), 0.0),
    ],
)
def test_a_host_may_answer_anything(answer, names, vram):
    found = preview._machine(answer)
    assert (found.gpus, found.vram) == (names, vram)
