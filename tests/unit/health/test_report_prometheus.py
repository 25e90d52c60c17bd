"""Prometheus' text format, read back by a strict grammar of it."""

import re

from hypothesis import given
from hypothesis import strategies as st

from dgops.errors import UnreachableError
from dgops.health.check import Check, CheckResult, Outcome
from dgops.health.look import HostHealth
from dgops.health.report_prometheus import METRICS, render

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
SAMPLE = re.compile(rf"({NAME})\{{({LABEL}(?:,{LABEL})*)\}} (-?\d+(?:\.\d+)?(?:e[+-]\d+)?)")
ANYTHING = st.text(alphabet=st.characters(codec=None), max_size=20) | st.text(alphabet='"\\\n{},=x', max_size=20)
GIGA = 1024**3
FACTS = {
    "disk": {"path": "/workspace", "type": "mfs", "total": 100, "free": 39},
    "live": {
        "memory": {"free": 5, "total": 9},
        "gpu": {"gpus": [{"name": "RTX 4090", "total": 24 * GIGA, "free": 22.5 * GIGA}]},
    },
}


def result(outcome, name="it holds", kind="state"):
    return CheckResult(Check("user", name, kind, "file", {}), outcome, "a", "b")


def unescaped(text):
    return re.sub(r"\\(.)", lambda match: {"n": "\n"}.get(match[1], match[1]), text)


def read(page):
    """Return (name, labels) → value; fails on whatever the format does not allow."""
    assert page.endswith("\n")
    samples, typed, helped = {}, [], []
    for line in page.encode().decode().split("\n")[:-1]:
        comment = re.fullmatch(rf"# (HELP|TYPE) ({NAME}) (.+)", line)
        if comment:
            (helped if comment[1] == "HELP" else typed).append(comment[2])
            assert comment[1] == "HELP" or comment[3] == "gauge"
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        # A metric's lines stand together, after its type.
        assert match[1] == typed[-1] == helped[-1]
        pairs = re.findall(r'([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"', match[2])
        labels = tuple((key, unescaped(text)) for key, text in pairs)
        assert (match[1], labels) not in samples, "one series twice"
        samples[match[1], labels] = float(match[3])
    assert len(set(typed)) == len(typed)
    assert typed == helped
    return samples


def test_what_was_found():
    results = (result(Outcome.PASS), result(Outcome.FAIL, "b"), result(Outcome.ERROR, "c", "live"))
    host = ("host", "pod")
    found = read(render([HostHealth("pod", Outcome.FAIL, 1.23456, (*results, result(Outcome.SKIP, "d")), FACTS)]))
    assert found == {
        ("dgops_host_up", (host,)): 1,
        ("dgops_host_healthy", (host,)): 0,
        ("dgops_look_seconds", (host,)): 1.235,
        ("dgops_check", (host, ("role", "user"), ("check", "it holds"), ("kind", "state"))): 1,
        ("dgops_check", (host, ("role", "user"), ("check", "b"), ("kind", "state"))): 0,
        ("dgops_check", (host, ("role", "user"), ("check", "c"), ("kind", "live"))): 0,
        ("dgops_disk_free_bytes", (host, ("path", "/workspace"), ("type", "mfs"))): 39,
        ("dgops_disk_size_bytes", (host, ("path", "/workspace"), ("type", "mfs"))): 100,
        ("dgops_memory_free_bytes", (host,)): 5,
        ("dgops_gpu_memory_free_bytes", (host, ("gpu", "0"), ("name", "RTX 4090"))): 22.5 * GIGA,
        ("dgops_gpu_memory_size_bytes", (host, ("gpu", "0"), ("name", "RTX 4090"))): 24 * GIGA,
    }
    assert {name for name, _ in found} == set(METRICS)


def test_a_host_that_is_down_is_down_and_no_more():
    lost = HostHealth("pod", Outcome.ERROR, 5.0, (result(Outcome.ERROR),), error=UnreachableError("no answer"))
    found = read(render([lost, HostHealth("gadget", Outcome.PASS, 1.0)]))
    assert found["dgops_host_up", (("host", "pod"),)] == 0
    assert found["dgops_host_up", (("host", "gadget"),)] == 1
    assert not any(name.startswith("dgops_disk") for name, _ in found)


def test_two_checks_of_one_name_are_one_series_that_holds_if_both_do():
    found = read(render([HostHealth("pod", Outcome.FAIL, 1.0, (result(Outcome.FAIL), result(Outcome.PASS)))]))
    assert [value for (name, _), value in found.items() if name == "dgops_check"] == [0]


@given(host=ANYTHING, name=ANYTHING, path=ANYTHING)
def test_no_name_breaks_the_page(host, name, path):
    facts = {**FACTS, "disk": {**FACTS["disk"], "path": path}}
    found = read(render([HostHealth(host, Outcome.FAIL, 0.1, (result(Outcome.FAIL, name),), facts)]))
    kept = re.sub("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", "?", host)
    assert {labels[0] for _, labels in found} == {("host", kept)}
    assert len(found) == 9


def test_whole_numbers_stay_whole():
    facts = {"disk": {"path": "/", "type": "x", "total": (1 << 61) + 1, "free": 0}}
    page = render([HostHealth("pod", Outcome.PASS, 1.0, (), facts)])
    assert f" {(1 << 61) + 1}\n" in page
