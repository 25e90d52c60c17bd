"""What home remembers: the same replica, another one, none, or one of another time."""

import json

import pytest

from dgops.sync import state
from dgops.sync.maps import Map
from dgops.sync.state import Marker, State

ONE = Map("api", "pod", "/app/api", None, "api")
KNOWN = State(ids={"api": ["a" * 32, "/app/api", "api"]}, marked="1" * 40, marking=["2" * 40])


@pytest.mark.parametrize("base", ["1" * 40, "2" * 40])
def test_the_same_replica_is_known(base):
    assert KNOWN.fresh_because(ONE, Marker("a" * 32, base)) is None


@pytest.mark.parametrize(
    ("known", "marker", "words"),
    [
        (State(), Marker("a" * 32, "1" * 40), "never synced"),
        (KNOWN, None, "marker is gone"),
        (KNOWN, Marker("b" * 32, "1" * 40), "another replica's"),
        (KNOWN, Marker("a" * 32, "3" * 40), "another time"),
        (State(ids={"api": ["a" * 32, "/else", "api"]}), Marker("a" * 32, "1" * 40), "never synced"),
        (State(ids={"api": ["a" * 32, "/app/api", "else"]}), Marker("a" * 32, "1" * 40), "never synced"),
    ],
)
def test_anything_else_is_fresh(known, marker, words):
    assert words in known.fresh_because(ONE, marker)


def test_it_is_kept_and_a_damaged_one_knows_nothing(tmp_path):
    path = tmp_path / "sync/pod/x.json"
    assert state.read(path) == State()
    state.write(path, KNOWN)
    assert state.read(path) == KNOWN
    assert path.stat().st_mode & 0o777 == 0o600
    for text in (
        "",
        "[]",
        "{",
        '{"unknown": 1}',
        '{"ids": {"a": []}}',
        '{"ids": 7}',
        '{"cleaned": {"a": 7}}',
        '{"parted": 7}',
        '{"sent": 7}',
        '{"marking": ""}',
    ):
        path.write_text(text)
        assert state.read(path) == State(), text
    path.write_text(json.dumps({"branch": "main"}))
    assert state.read(path).branch == "main"


def test_names_and_parted_sides():
    named = State().named(ONE)
    assert named.named(ONE) is named
    assert state.ID.fullmatch(named.ids["api"][0])
    many = State()
    for number in range(30):
        many = many.with_parted(f"{number:040x}")
    assert (len(many.parted), many.parted[-1]) == (20, f"{29:040x}")
    assert many.with_parted(many.parted[0]).parted[-1] == many.parted[0]
