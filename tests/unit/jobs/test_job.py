"""Jobs as their hosts describe them, and GPUs as people write them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.errors import RemoteError, UsageError
from dgops.jobs import job as jobs
from dgops.jobs.job import from_view, require_prefix

VIEW = {
    "id": "0123abcd",
    "kind": "command",
    "label": "ls",
    "status": "failed",
    "created": "2026-01-01T00:00:00+00:00",
    "started": "2026-01-01T00:00:01+00:00",
    "finished": "2026-01-01T00:00:02+00:00",
    "exit_code": 2,
    "first_failure": "ls: no",
    "reason": None,
    "outputs": ["results"],
    "gpus": [0],
    "correlation": "ffff0000",
}


def test_no_forged_lines():
    assert from_view("pod", {**VIEW, "first_failure": "no\npod2  succeeded"}).first_failure == "no pod2  succeeded"


def test_a_view_becomes_a_job():
    found = from_view("pod", VIEW)
    assert (found.over, found.outputs, found.gpus) == (True, ("results",), (0,))
    assert list(found.listed()) == [
        "id",
        "host",
        "kind",
        "status",
        "created",
        "started",
        "finished",
        "exit_code",
        "first_failure",
    ]
    assert found.listed()["host"] == "pod"


@pytest.mark.parametrize(
    "view", [None, [], {}, {**VIEW, "id": "../../x"}, {**VIEW, "id": 7}, {**VIEW, "status": "fine"}, {**VIEW, "id": ""}]
)
def test_something_else_is_refused(view):
    with pytest.raises(RemoteError, match="pod described a job"):
        from_view("pod", view)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(list(VIEW)), st.none() | st.integers() | st.text() | st.lists(st.text())))
def test_odd_fields_are_left_out(odd):
    try:
        found = from_view("pod", {**VIEW, **odd})
    except RemoteError:
        return
    assert found.status in jobs.STATUSES
    assert found.exit_code is None or isinstance(found.exit_code, int)
    assert all(isinstance(one, str) for one in found.outputs)
    assert len(found.label) <= jobs.LONGEST


def test_ids():
    assert require_prefix(" 0AB ") == "0ab"
    for text in ("", "xyz", "0123456789", "../"):
        with pytest.raises(UsageError, match="no job id"):
            require_prefix(text)
