"""What a pod may cost, judged from values alone."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgops.agent import spend
from dgops.agent.spend import GO, STOP, WARN, Limits, State

HOUR = 3600.0
# limits, state, action, words of the reason, seconds that are left
CASES = [
    (Limits(), State(1e9, 1e9, 1e9), GO, "", None),
    (Limits(ttl=8 * HOUR), State(HOUR), GO, "its TTL of 8 h", 7 * HOUR),
    (Limits(ttl=8 * HOUR), State(8 * HOUR - 60), WARN, "stops in 60 s: its TTL of 8 h", 60),
    (Limits(ttl=8 * HOUR), State(8 * HOUR), STOP, "its TTL of 8 h", 0),
    (Limits(ttl=8 * HOUR), State(9 * HOUR, kept=False), WARN, "without a persistent root it is not stopped", None),
    (
        Limits(ttl=HOUR, max_cost=12, price=1),
        State(2 * HOUR, 2, kept=False),
        WARN,
        "its TTL of 60 min; without a persistent root it goes on until 12.00 $",
        10 * HOUR,
    ),
    (Limits(max_cost=12, price=1), State(HOUR, 12, kept=False), STOP, "its ceiling of 12.00 $", 0),
    (Limits(max_cost=12, price=0.69), State(HOUR, 0.69), GO, "its ceiling of 12.00 $", 11.31 / 0.69 * HOUR),
    (Limits(max_cost=12), State(1e9, 1e9), GO, "", None),
    (Limits(idle=1800), State(HOUR, idle=1799), WARN, "idle for 30 min", 1),
    (Limits(idle=1800), State(HOUR, idle=1800), STOP, "idle for 30 min", 0),
    (Limits(idle=1800), State(HOUR, idle=1800, kept=False), WARN, "idle for 30 min", None),
    # The nearest end counts.
    (Limits(ttl=2 * HOUR, idle=1800), State(HOUR, idle=0), GO, "idle for 30 min", 1800),
]
amounts = st.one_of(st.none(), st.floats(0, 1e6))
limits_ = st.builds(Limits, amounts, amounts, st.floats(0, 100), amounts, st.floats(0, 100))
states = st.builds(State, st.floats(0, 1e7), st.floats(0, 1e7), st.floats(0, 1e7), st.booleans())


@pytest.mark.parametrize(("limits", "state", "action", "words", "left"), CASES)
def test_verdicts(limits, state, action, words, left):
    found = spend.judge(limits, state)
    assert (found.action, found.left) == (action, left if left is None else pytest.approx(left))
    assert words in found.reason


@given(limits_, states)
def test_it_stops_for_a_reason_only(limits, state):
    found = spend.judge(limits, state)
    over = {
        "TTL": limits.ttl is not None and state.running >= limits.ttl and state.kept,
        "idle": limits.idle is not None and state.idle >= limits.idle and state.kept,
        "ceiling": limits.max_cost is not None and limits.price > 0 and state.spent >= limits.max_cost,
    }
    assert (found.action == STOP) == any(over.values())
    assert found.action != STOP or any(over[word] for word in over if word in found.reason)
    assert found.left is None or found.left >= 0
    assert not math.isnan(found.left or 0)


@given(limits_, states, st.floats(0, 1e6), st.floats(0, 1e6))
def test_more_time_and_money_never_undo_a_stop(limits, state, time, money):
    if spend.judge(limits, state).action == STOP:
        more = state._replace(running=state.running + time, spent=state.spent + money)
        assert spend.judge(limits, more).action == STOP


@given(st.dictionaries(st.sampled_from(spend.NAMES), st.text(max_size=60)))
def test_what_an_environment_says_is_believed_or_named(environment):
    limits, faults = spend.limits_of(environment)
    for name, value in ((spend.TTL, limits.ttl), (spend.MAX_COST, limits.max_cost), (spend.IDLE, limits.idle)):
        assert value is None or (math.isfinite(value) and value >= 0)
        assert not environment.get(name) or value is not None or any(name in fault for fault in faults)
    assert spend.judge(limits, State(1.0)).action in (GO, WARN, STOP)


def test_faults_of_an_environment():
    environment = {"DGOPS_TTL": "soon", "DGOPS_MAX_COST": "12", "DGOPS_IDLE": "nan", "DGOPS_IDLE_GPU": "-1"}
    limits, faults = spend.limits_of(environment)
    assert limits == Limits(None, 12.0, 0.0, None)
    assert [fault.split()[0] for fault in faults] == ["DGOPS_TTL", "DGOPS_IDLE", "DGOPS_IDLE_GPU", "DGOPS_MAX_COST"]
    assert limits.any()
    assert not spend.limits_of({"DGOPS_PRICE": "1"})[0].any()


@pytest.mark.parametrize(
    ("text", "seconds"), [("8h", 28800), ("90m", 5400), ("45s", 45), ("1.5h", 5400), ("2d", 172800)]
)
def test_lengths_of_time(text, seconds):
    assert spend.duration(text) == seconds


@pytest.mark.parametrize("text", ["", "8", "h", "8 h", "-8h", "0h", "8h30m", "nan", "1e3s", "8H"])
def test_no_length_of_time(text):
    with pytest.raises(ValueError, match="8h, 90m or 45s"):
        spend.duration(text)


@pytest.mark.parametrize(
    ("seconds", "words"), [(45, "45 s"), (5400, "90 min"), (28800, "8 h"), (30000, "8 h 20 min"), (0.4, "0 s")]
)
def test_lasting(seconds, words):
    assert spend.lasting(seconds) == words
