"""dgops up with a training, from a pod on paper to a real LoRA at home: this machine stands in for the pod."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from dgops.deploy.result import HostResult
from dgops.errors import UsageError
from dgops.flows import up as flow
from dgops.flows import up_pod
from dgops.health.check import Outcome
from dgops.health.look import HostHealth
from dgops.pods import ready
from dgops.training.work import Work

ASKED = ("--gpu", "RTX 4090", "--env", "cu121", "--volume-gb", "10", "--key", "key.pub")


@pytest.fixture
def up(dgops, place, monkeypatch):
    """Return `up(*words)`; deploy and health pass, and the trainer does what `script` says."""
    bare, up = Work.request, SimpleNamespace(script={})

    def with_this_interpreter(*words):
        env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "SCRIPT": json.dumps(up.script)}
        return replace(bare(*words), env=env)

    monkeypatch.setattr(Work, "request", with_this_interpreter)
    monkeypatch.setattr(up_pod.Renter, "host", lambda _self, _pod: place.host)
    monkeypatch.setattr(
        up_pod.Renter, "_door", lambda _self: SimpleNamespace(enter=lambda _pod: None, judge=lambda *_: 0)
    )
    monkeypatch.setattr(flow, "require_inventory", lambda _settings: None)
    monkeypatch.setattr(flow.inventory, "load", lambda _settings: None)
    monkeypatch.setattr(flow, "before_end", lambda *_: None)
    monkeypatch.setattr(flow, "deploy", lambda *_: {"here": HostResult("here", "changed", 0.0)})
    monkeypatch.setattr(flow, "look_at", lambda *_: HostHealth("here", Outcome.PASS, 0.0))
    monkeypatch.setattr(ready, "PAUSE", 0.02)
    monkeypatch.setattr(ready, "answers", lambda _endpoint: True)
    up.run = lambda *words: dgops("up", "here", *words)
    return up


def test_a_training_comes_home_and_its_pod_is_stopped(up, double):
    code, out, err = up.run("--recipe", "t.yml", *ASKED, "--json")
    said = json.loads(out)
    assert (code, said["ok"], said["already"]) == (0, True, False), err
    (home,) = Path("models").iterdir()
    assert (home / "t.safetensors").is_file()
    assert said["card"]["training"]["steps"] == 20
    assert f"lora         {home}/t.safetensors" in err
    assert [pod.status for pod in double.cloud.pods.values()] == ["EXITED"]
    code, out, err = up.run("--recipe", "t.yml")
    assert (code, "done already" in out, "t.safetensors" in err) == (0, True, True)


def test_one_that_fails_says_why_and_what_is_billed_and_goes_on_from_its_state(up, double):
    up.script = {"die": 12}
    code, out, err = up.run("--recipe", "t.yml", *ASKED)
    assert (code, out) == (1, "")
    assert "exit 1 at step 12 of 20; the last good state is step 10" in err
    assert "its pod runs on for 0.69 $ an hour: dgops pod stop here" in err
    up.script = {}
    code, out, err = up.run("--recipe", "t.yml", "--json")
    assert (code, json.loads(out)["card"]["training"]["begun_at"]) == (0, 10), err
    assert [pod.status for pod in double.cloud.pods.values()] == ["EXITED"]


def test_a_training_without_its_set_rents_nothing(up, double):
    with pytest.raises(UsageError, match="names no dataset"):
        up.run("--recipe", "tiny", *ASKED)
    assert double.cloud.pods == {}
