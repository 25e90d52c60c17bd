"""A host's verdict on itself: what is left out, what is new, and what nobody but its owner should read."""

import json
import subprocess
import sys

import pytest

from dgops.health.check import Check, CheckResult, Outcome
from dgops.health.contract import Contract, to_json
from dgops.health.watch import news, verdict

CHECKS = (
    Check("user", "sudo needs no password", "state", "file", {"path": "/s", "mode": "0440"}),
    Check("base", "the clock is right", "live", "clock", {"max_skew": 1}),
    Check("comfyui", "ComfyUI answers", "live", "comfyui", {"url": "http://127.0.0.1:8188"}),
    Check("comfyui", "torch computes", "live", "torch", {"venv": "/v"}),
)
KEPT = Contract("pod", CHECKS, {}, "production", "c", "then", "me", "/workspace", "/venv")


def seen(mode="0440", reason="refused"):
    return {
        "contract": to_json(KEPT),
        "answer": {
            "marker": {"id": KEPT.id},
            "facts": {},
            "observations": [
                {"seen": {"exists": True, "kind": "file", "mode": mode}},
                {"seen": {"status": None, "reason": reason}},
            ],
        },
        "before": None,
        "seconds": 0.25,
    }


def outcomes(found):
    return {one["check"]: one["outcome"] for one in found["report"]["hosts"]["pod"]["checks"]}


def test_what_a_host_cannot_see_or_should_not_touch_is_left_out():
    found = verdict(seen())
    assert outcomes(found) == {
        "the host carries this controller's contract": "pass",
        "sudo needs no password": "pass",
        "ComfyUI answers": "fail",
        "the clock is right": "skip",
        "torch computes": "skip",
    }
    assert (found["holding"], found["asked"], found["report"]["ok"]) == (2, 3, False)
    assert "torch" not in found["metrics"]
    assert found["report"]["hosts"]["pod"]["seconds"] == 0.25


def test_what_is_new_is_told_and_nothing_twice():
    first = verdict(seen())
    assert first["news"][-1] == "2 of 3 checks hold"
    assert first["news"][0].startswith("fail  comfyui: ComfyUI answers: ")
    assert verdict({**seen(), "before": first["failing"]})["news"] == []
    second = verdict({**seen(mode="0777"), "before": first["failing"]})
    assert second["news"] == ["fail  user: sudo needs no password: mode 0777", "1 of 3 checks hold"]


def result(outcome, name="m is there"):
    return CheckResult(Check("base", name, "state", "file", {}), Outcome(outcome), "", f"{outcome}!")


@pytest.mark.parametrize(
    ("before", "outcomes", "lines"),
    [
        (None, ["pass"], ["counts"]),
        (None, ["fail"], ["fail  base: m is there: fail!", "counts"]),
        ([], ["fail"], ["fail  base: m is there: fail!", "counts"]),
        ([], ["error"], ["error base: m is there: error!", "counts"]),
        ([], ["skip"], []),
        ([("base", "m is there")], ["fail"], []),
        ([("base", "m is there")], ["error"], []),
        ([("base", "m is there")], ["pass"], ["pass  base: m is there: pass!", "counts"]),
        ([("base", "another")], ["pass"], []),
        # Two files of one name in two folders.
        ([], ["pass", "fail"], ["fail  base: m is there: fail!", "counts"]),
        ([("base", "m is there")], ["pass", "fail"], []),
        ([("base", "m is there")], ["fail", "pass"], []),
        ([("base", "m is there")], ["pass", "pass"], ["pass  base: m is there: pass!", "counts"]),
    ],
)
def test_news(before, outcomes, lines):
    assert news(before, [result(one) for one in outcomes], "counts") == lines


def test_a_token_in_what_was_seen_is_nobodys():
    token = "hf_" + "a" * 34
    said = json.dumps(verdict(seen(reason=f"no route to {token}")))
    assert "no route to" in said
    assert token not in said


def test_as_the_agent_runs_it():
    argv = [sys.executable, "-I", "-m", "dgops.health.watch"]
    done = subprocess.run(argv, input=json.dumps(seen()), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(json.dumps(verdict(seen())))
