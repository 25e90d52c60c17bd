"""Who may throw away what: refused until synced, or agreed to by name."""

import subprocess
from types import SimpleNamespace

import pytest

from dgops import settings as settings_room
from dgops.errors import ConfigError, LossError, UnreachableError
from dgops.flows import guard as room
from dgops.flows.guard import Consent, Guard, before_down
from dgops.sync.guard import Loss
from dgops.sync.reconcile import Change
from dgops.sync.state import State

HOST = SimpleNamespace(name="pod")
EDITS = tuple(Change("M", f"api/f{number}.py") for number in range(10))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A project with one map, and a host that has whatever `lost` says."""
    subprocess.run(["git", "init", "-q", tmp_path / "isengard"], check=True, timeout=30)
    tables = 'name = "api"\nhost = "pod"\nhost_path = "/app/api"\nrepo = "isengard"\nlocal_path = "api"\n'
    (tmp_path / "dgops.toml").write_text(f"[[sync.map]]\n{tables}")
    place = SimpleNamespace(said=[], asked=[], typed="", lost=EDITS, known=True, reached=True)
    place.settings = settings_room.load(tmp_path, options={"state": str(tmp_path / ".dgops")})

    def losses(shared, transport, settings, concerns, say):
        state = State(ids={"api": ["0" * 32, "/app/api", "api"]} if place.known else {})
        return tuple(Loss(one, place.lost) for one in shared.maps if place.lost and concerns(one, state))

    def connect(host, settings):
        if not place.reached:
            raise UnreachableError("pod refuses connections")
        return SimpleNamespace(close=lambda: None)

    def ask(text):
        place.asked.append(text)
        return place.typed

    monkeypatch.setattr(room, "losses", losses)
    monkeypatch.setattr(room, "connect", connect)
    place.guard = lambda **more: Guard(place.settings, Consent(ask, **more), place.said.append)
    return place


def test_a_host_that_has_nothing_of_its_own_may_end(place):
    place.lost = ()
    place.guard().before_destroy(HOST)
    assert place.asked == place.said == []


def test_the_refusal_names_what_would_go_and_both_ways_on(place):
    with pytest.raises(LossError) as caught:
        place.guard().before_destroy(HOST)
    lines = caught.value.message.splitlines()
    assert lines[0] == "pod: ending it throws away what is nowhere else:"
    assert lines[1:] == [f"  M api/f{number}.py" for number in range(8)] + ["  and 2 more in /app/api"]
    assert "dgops sync --host pod" in caught.value.hint
    assert "--discard" in caught.value.hint
    assert caught.value.exit_code == 1


def test_a_host_that_cannot_be_asked_is_refused(place):
    place.reached = False
    with pytest.raises(LossError, match="api: nobody could tell: pod refuses connections"):
        place.guard().before_destroy(HOST)


@pytest.mark.parametrize(
    ("typed", "passes"), [("pod", True), (" pod\n", True), ("", False), ("yes", False), ("POD", False)]
)
def test_discarding_names_what_goes_and_wants_the_name_typed(place, typed, passes):
    place.typed = typed
    guard = place.guard(discard=True)
    if passes:
        guard.before_destroy(HOST)
    else:
        with pytest.raises(LossError, match="its name was not typed"):
            guard.before_destroy(HOST)
    assert "M api/f0.py" in place.said[0]
    assert place.asked == ["type pod to throw it away: "]


def test_agreed_by_name_nobody_is_asked_and_it_is_still_said(place):
    place.guard(hosts=("pod",)).before_destroy(HOST)
    assert (place.asked, len(place.said)) == ([], 1)
    with pytest.raises(LossError):
        place.guard(hosts=("other",)).before_destroy(HOST)


@pytest.mark.parametrize(
    ("written", "known", "refused"),
    [
        (("/app/api/.env",), True, True),
        (("/app/api",), False, True),
        (("/app",), True, True),
        (("/app/apifoo", "/etc/motd"), True, False),
        ((), True, False),
        (None, True, True),
        (None, False, False),
    ],
)
def test_writing_is_refused_only_where_it_meets_a_map(place, written, known, refused):
    place.known = known
    if refused:
        with pytest.raises(LossError, match="deploying there writes over"):
            place.guard().before_write(HOST, SimpleNamespace(), written)
    else:
        place.guard().before_write(HOST, SimpleNamespace(), written)


def test_hosts_that_no_map_names_are_not_asked_whatever_is_wrong_with_the_maps(place, tmp_path):
    place.reached = False
    (tmp_path / "isengard").rename(tmp_path / "elsewhere")
    place.guard().before_destroy(SimpleNamespace(name="other"))
    place.guard().before_write(SimpleNamespace(name="other"), SimpleNamespace(), None)
    with pytest.raises(ConfigError, match="is no git work tree"):
        place.guard().before_destroy(HOST)
    (tmp_path / "elsewhere").rename(tmp_path / "isengard")
    before_down(settings_room.load(place.settings.root / "isengard"), place.guard())
