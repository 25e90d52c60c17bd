"""A spec is judged whole, and before anything is made."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.agent import spec

GOOD = {
    "id": "0123abcd",
    "argv": ["sh", "-c", ""],
    "cwd": None,
    "env": {},
    "secrets": [],
    "inputs": [{"path": "photos", "store": "0" * 16}],
    "outputs": ["results/", "/workspace/models"],
    "gpus": {"ids": [0, 2]},
    "resume": None,
    "retries": 3,
    "priority": -10,
    "stall": {"times": 30, "least": 300.0, "stop": True},
    "created": "2026-11-21T10:00:00Z",
    "correlation": "89abcdef",
}


def test_a_good_one():
    assert spec.complaint(GOOD, {"HF_TOKEN": "x"}) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "../../x"}, "id must be"),
        ({"argv": []}, "argv must be"),
        ({"argv": ["a\0b"]}, "argv must be"),
        ({"env": {"A=B": "x"}}, "env must be"),
        ({"cwd": "relative"}, "cwd must be"),
        ({"inputs": [{"path": "../up", "store": "0" * 16}]}, "every input"),
        ({"inputs": [{"path": "a", "store": "../../etc"}]}, "every input"),
        ({"inputs": [{"path": "a", "store": "0" * 16}] * 2}, "two inputs"),
        ({"outputs": ["../x"]}, "every output"),
        ({"outputs": ["/x/../y"]}, "every output"),
        ({"secrets": ["A B"]}, "secrets must"),
        ({"resume": []}, "resume must"),
        ({"retries": -1}, "retries must"),
        ({"retries": True}, "retries must"),
        ({"priority": 1001}, "priority must"),
        ({"stall": {"times": 0, "least": 1, "stop": False}}, "stall must"),
        ({"stall": {"times": 5, "least": 1, "stop": 1}}, "stall must"),
        ({"stall": {"times": 5, "least": 1, "stop": False, "from_start": 300}}, "stall must"),
        ({"created": None}, "created must"),
        ({"correlation": ""}, "correlation"),
        ({"gpus": {"count": True}}, "gpus must"),
        ({"gpus": {"count": 1, "ids": [0]}}, "gpus must"),
        ({"gpus": {"count": 0}}, "gpus must"),
        ({"gpus": {"ids": [1, 1]}}, "gpus must"),
    ],
)
def test_what_is_wrong_is_said(change, words):
    assert words in spec.complaint({**GOOD, **change}, {})


def test_all_at_once():
    assert spec.complaint({}, {"A B": "x"}).count(";") >= 6
    assert spec.complaint([], {}) == "the spec is no object"
    assert "secrets must be" in spec.complaint(GOOD, {"A": 1})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "path", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(list(GOOD)), JSON, max_size=4), JSON)
def test_no_request_breaks_the_judge(change, secrets):
    said = spec.complaint({**GOOD, **change}, secrets)
    assert said is None or said
