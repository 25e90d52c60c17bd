"""How ComfyUI stands, judged from what was seen; a host may answer anything."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dgops.generation.comfyui.installed import Installed
from dgops.generation.comfyui.standing import judged
from dgops.jobs.job import Job

AT = Installed("http://127.0.0.1:8188", ("KSampler",), "/base", "fast-test")
JOB = Job("0123abcd", "pod", "comfyui", "ComfyUI", "running")
ANSWER = {"status": 200, "count": 6, "missing": [], "version": "0.3.64", "device": "cuda:0"}


@pytest.mark.parametrize(
    ("job", "seen", "state"),
    [
        (JOB, ANSWER, "ready"),
        (JOB, {**ANSWER, "missing": ["KSampler"]}, "incomplete"),
        (JOB, {"status": None, "reason": "refused"}, "starting"),
        (JOB, {"status": 503}, "starting"),
        (JOB, {}, "starting"),
        (None, {"status": None, "reason": "refused"}, "stopped"),
        (None, {}, "stopped"),
        (None, ANSWER, "foreign"),
        (None, {"status": 404}, "foreign"),
    ],
)
def test_states(job, seen, state):
    assert judged(AT, job, seen).state == state


def test_what_it_says_is_shown_in_one_line():
    found = judged(AT, JOB, {**ANSWER, "version": "0.3\n64", "missing": ["a\nb"]})
    assert (found.version, found.missing, found.classes) == ("0.3 64", ("a b",), 6)
    assert found.to_json() == {
        "state": "incomplete",
        "url": "http://127.0.0.1:8188",
        "job": "0123abcd",
        "started": None,
        "version": "0.3 64",
        "device": "cuda:0",
        "classes": 6,
        "missing": ["a b"],
    }


# A busy machine takes its time to draw texts.
@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(ANSWER)), st.none() | st.integers() | st.text() | st.lists(st.text())))
def test_no_answer_breaks_it(seen):
    assert judged(AT, None, seen).state in ("stopped", "foreign")
