"""A look as JUnit XML, as CI servers read it: a suite for each host, a case for each check."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from dgops.health.check import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.health.check import CheckResult
    from dgops.health.look import HostHealth

# What XML 1.0 cannot hold in any spelling (https://www.w3.org/TR/xml/#charsets).
ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ELEMENTS = {Outcome.FAIL: "failure", Outcome.ERROR: "error", Outcome.SKIP: "skipped"}


def render(found: Sequence[HostHealth]) -> str:
    """Return the document."""
    root = ElementTree.Element("testsuites", name="dgops health")
    for one in found:
        root.append(_suite(one))
    results = [result for one in found for result in one.results]
    root.attrib.update(_counts(results), time=f"{max((one.seconds for one in found), default=0.0):.3f}")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


def _suite(one: HostHealth) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=_legal(one.host), hostname=_legal(one.host))
    suite.attrib.update(_counts(one.results), time=f"{one.seconds:.3f}")
    for result in one.results:
        suite.append(_case(one, result))
    return suite


def _case(one: HostHealth, result: CheckResult) -> ElementTree.Element:
    check = result.check
    case = ElementTree.Element("testcase", classname=_legal(f"{one.host}.{check.role}"), name=_legal(check.name))
    if result.outcome is Outcome.SKIP:
        ElementTree.SubElement(case, "skipped", message=_legal(result.observed))
    elif result.outcome is not Outcome.PASS:
        message = f"expected {result.expected}, observed {result.observed}"
        element = ElementTree.SubElement(
            case, ELEMENTS[result.outcome], type=f"{check.kind}.{check.type}", message=_legal(message)
        )
        lines = [f"expected  {result.expected}", f"observed  {result.observed}"]
        mend = one.mend(result)
        element.text = _legal("\n".join([*lines, f"mend      {mend}"] if mend else lines))
    return case


def _counts(results: Sequence[CheckResult]) -> dict[str, str]:
    seen = Counter(result.outcome for result in results)
    counted = {"failures": Outcome.FAIL, "errors": Outcome.ERROR, "skipped": Outcome.SKIP}
    return {"tests": str(len(results)), **{name: str(seen[outcome]) for name, outcome in counted.items()}}


def _legal(text: str) -> str:
    return ILLEGAL.sub("?", text)
