"""Live checks: observed at once, and a venv of a user's that answers rubbish spoils no other check."""

import sys
import threading
import types

import pytest

from dgops.agent import live


@pytest.mark.parametrize(
    "output",
    [b"", b"hello\n{}", b"{}", b"[]", b'{"observations": 1}', b'{"observations": [1]}', b'{"observations": []}'],
)
def test_rubbish_of_the_child_is_seen(output):
    assert live._read(output, 1) == []


def test_an_answer_is_read():
    assert live._read(b'{"observations": [{"seen": {}}]}', 1) == [{"seen": {}}]


def test_at_once(monkeypatch):
    together = threading.Barrier(3)

    def slow(check):
        together.wait(10)
        return {"n": check["n"]}

    monkeypatch.setitem(live.OBSERVERS, "http", slow)
    checks = [{"type": "http", "n": n} for n in range(3)]
    assert live.answer({"checks": checks}) == {"observations": [{"seen": {"n": n}} for n in range(3)]}


def test_none_asked():
    assert live.answer({"checks": []}) == {"observations": []}


def test_a_card_that_does_not_tell_is_no_traceback(monkeypatch):
    def refuse(device):
        raise RuntimeError("Not Supported")

    nvml = {
        "NVMLError": RuntimeError,
        "nvmlInit": lambda: None,
        "nvmlSystemGetDriverVersion": lambda: "550",
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetMemoryInfo": refuse,
    }
    monkeypatch.setitem(sys.modules, "pynvml", types.SimpleNamespace(**nvml))
    assert live.gpu({}) == {"gpus": [], "reason": "Not Supported"}
