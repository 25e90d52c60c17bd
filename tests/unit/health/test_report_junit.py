"""JUnit XML: what CI servers read is what was found, whatever a host calls itself."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from dgops.errors import UnreachableError
from dgops.health.check import Check, CheckResult, Outcome
from dgops.health.look import HostHealth
from dgops.health.report_junit import render

ANYTHING = st.text(alphabet=st.characters(codec=None), max_size=20) | st.text(max_size=20)


def result(outcome, name="it holds", observed="b", kind="state", **more):
    return CheckResult(Check("user", name, kind, "file", {}, **more), outcome, "a", observed)


def read(*found):
    return ElementTree.fromstring(render(found))


def test_one_suite_a_host_and_one_case_a_check():
    results = (
        result(Outcome.PASS),
        result(Outcome.FAIL, "key <is> closed"),
        result(Outcome.ERROR, kind="live", mend="start it"),
        result(Outcome.SKIP),
    )
    root = read(HostHealth("pod", Outcome.FAIL, 1.25, results), HostHealth("gadget", Outcome.PASS, 0.5))
    counts = {"tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
    assert root.attrib == {"name": "dgops health", **counts, "time": "1.250"}
    suite, empty = root
    assert suite.attrib == {"name": "pod", "hostname": "pod", **counts, "time": "1.250"}
    assert (empty.get("name"), empty.get("tests")) == ("gadget", "0")
    passed, failed, broken, skipped = suite
    assert (passed.attrib, len(passed)) == ({"classname": "pod.user", "name": "it holds"}, 0)
    assert failed.get("name") == "key <is> closed"
    failure = failed.find("failure")
    assert failure.attrib == {"type": "state.file", "message": "expected a, observed b"}
    assert failure.text == "expected  a\nobserved  b\nmend      dgops deploy --host pod"
    assert broken.find("error").text.endswith("mend      start it")
    assert skipped.find("skipped").get("message") == "b"


def test_an_unreachable_host_is_an_error():
    lost = HostHealth("pod", Outcome.ERROR, 5.0, (result(Outcome.ERROR),), error=UnreachableError("no answer"))
    assert read(lost)[0].get("errors") == "1"


@given(host=ANYTHING, name=ANYTHING, observed=ANYTHING)
def test_no_name_breaks_the_document(host, name, observed):
    found = HostHealth(host, Outcome.FAIL, 0.1, (result(Outcome.FAIL, name, observed),))
    root = ElementTree.fromstring(render([found]).encode())
    assert [case.tag for case in root[0]] == ["testcase"]
    assert len(root[0][0].find("failure").text.splitlines()) >= 3
