"""The probe's own part: one answer for all checks in their order, facts, and nothing loaded that is not asked for."""

import json
import subprocess
import sys
import time

from dgops.agent import live, probe

STATE = {"kind": "state", "type": "file", "path": "/"}
CLOCK = {"kind": "live", "type": "clock"}


def test_answers_stand_in_the_order_of_checks():
    found = probe.answer({"checks": [CLOCK, STATE, {**STATE, "path": "/nowhere"}, CLOCK]})["observations"]
    assert [sorted(one["seen"]) == ["time"] for one in found] == [True, False, False, True]
    assert found[2] == {"seen": {"exists": False}}


def test_the_clock_is_read_when_asked_and_when_answered():
    before = time.time()
    came, went = probe.answer({"checks": []})["clock"]
    assert before <= came <= went <= time.time() + 0.1


def test_a_deep_look_is_passed_on(monkeypatch):
    asked = []
    monkeypatch.setattr(live, "run", lambda checks, runtime, deep: asked.append((runtime, deep)) or [{}] * len(checks))
    probe.answer({"checks": [CLOCK], "runtime": "/venv", "deep": True})
    probe.answer({"checks": [CLOCK]})
    assert asked == [("/venv", True), (None, False)]


def test_facts_are_of_the_persistent_root(tmp_path):
    facts = probe.facts(str(tmp_path))
    assert facts["disk"]["path"] == str(tmp_path)
    assert probe.facts("/nowhere")["disk"]["path"] == "/"
    assert facts["hostname"]


def test_a_look_at_state_loads_no_live_checks_and_no_web():
    request = json.dumps({"checks": [STATE]})
    program = (
        f"import json, sys; from dgops.agent import probe; probe.answer(json.loads({request!r})); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stdout.split())
    assert not {"dgops.agent.live", "urllib.request", "http.client", "ssl", "concurrent.futures"} & loaded
