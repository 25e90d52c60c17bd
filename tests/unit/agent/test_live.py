"""Live checks: observed at once, and neither a rubbish venv nor one that hangs spoils another check."""

import sys
import threading
import types

import pytest

from dgops.agent import live
from dgops.health.check import LIVE_KEYS


@pytest.fixture
def observe_by(monkeypatch):
    """Return `observe_by(function)`: checks of type probed are observed by it."""

    def use(function):
        monkeypatch.setitem(live.OBSERVERS, "probed", "made_up_observers")
        monkeypatch.setitem(sys.modules, "made_up_observers", types.SimpleNamespace(probed=function))

    return use


@pytest.mark.parametrize(
    "output",
    [b"", b"hello\n{}", b"{}", b"[]", b'{"observations": 1}', b'{"observations": [1]}', b'{"observations": []}'],
)
def test_rubbish_of_the_child_is_seen(output):
    assert live._read(output, 1) == []


def test_an_answer_is_read():
    assert live._read(b'{"observations": [{"seen": {}}]}', 1) == [{"seen": {}}]


def test_every_type_is_observed_by_a_function_of_its_name():
    import importlib

    assert set(live.OBSERVERS) == set(LIVE_KEYS)
    for kind, module in live.OBSERVERS.items():
        assert callable(getattr(importlib.import_module(module), kind))


def test_at_once(observe_by):
    together = threading.Barrier(3)

    def slow(check):
        together.wait(10)
        return {"n": check["n"]}

    observe_by(slow)
    checks = [{"type": "probed", "n": n} for n in range(3)]
    assert live.answer({"checks": checks}) == {"observations": [{"seen": {"n": n}} for n in range(3)]}


def test_one_that_hangs_costs_only_its_own_answer(observe_by):
    release = threading.Event()

    def hang(check):
        return {"waited": release.wait(20)} if check["n"] else {}

    observe_by(hang)
    found = live.answer({"checks": [{"type": "probed", "n": n} for n in range(2)], "deadline": 0.5})
    release.set()
    assert found == {"observations": [{"seen": {}}, {"error": "no answer within 0 s"}]}


def test_what_an_observer_raises_is_an_error_of_its_check(observe_by):
    def fail(check):
        raise PermissionError(13, "Permission denied")

    observe_by(fail)
    (found,) = live.answer({"checks": [{"type": "probed"}]})["observations"]
    assert found == {"error": "PermissionError: [Errno 13] Permission denied"}


@pytest.mark.parametrize("deep", [True, False])
def test_every_observer_knows_whether_the_look_is_deep(observe_by, deep):
    observe_by(lambda check: {"deep": check["deep"]})
    assert live.run([{"type": "probed"}], None, deep) == [{"seen": {"deep": deep}}]


def test_none_asked():
    assert live.answer({"checks": []}) == {"observations": []}
    assert live.run([], "/nowhere") == []
