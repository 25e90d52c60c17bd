"""A push that was cut off left home's own on the host: nobody edited that there, whatever home does next."""

import pytest
from deadly import Cut, Fragile

API = "apps/api/src"
# Requests of a sync with something to push: the look, the push, the second look, the markers.
AFTER_PUSH = 2


@pytest.fixture
def sent(world):
    """The host holds what home sent, and nothing says so: the way was cut behind the push."""
    world.filled()
    world.lines(world.repo / API / "f1.py", 3, "newer at home")
    (world.repo / API / "f2.py").rename(world.repo / API / "moved.py")
    (world.repo / API / "f3.py").unlink()
    (world.repo / API / "f4.py").unlink()
    world.home(f"{API}/f4.py/inner", "a folder\n")
    result = world.sync(Cut(world.transport, AFTER_PUSH))
    assert (result.outcome, result.parity) == ("unreachable", False)
    assert "newer at home" in world.host(f"{API}/f1.py")
    return world


def quiet(world, outcome, commits):
    result = world.sync()
    assert (result.outcome, result.parity, world.branches) == (outcome, True, []), result.error
    assert len(world.log) == commits
    assert world.sync().outcome == "parity"


def test_it_is_no_edit_of_the_hosts(sent):
    assert sent.sync(status=True).states["api"] == "parity"
    quiet(sent, "parity", 2)


def test_home_may_edit_the_same_lines_again(sent):
    sent.lines(sent.repo / API / "f1.py", 3, "newer still")
    sent.commit("again")
    assert sent.sync(status=True).states["api"] == "1 newer at home"
    quiet(sent, "pushed", 3)
    assert "newer still" in sent.host(f"{API}/f1.py")


def test_home_may_take_it_back(sent):
    sent.git("revert", "--no-edit", "HEAD")
    assert sent.sync(status=True).parity is False
    quiet(sent, "pushed", 3)
    assert "newer at home" not in sent.host(f"{API}/f1.py")
    assert sent.host(f"{API}/f3.py") == (sent.repo / API / "f3.py").read_text()


def test_what_is_edited_there_since_is_an_edit(sent):
    sent.lines(sent.there / "app" / API / "f1.py", 9, "and the pod's")
    sent.lines(sent.repo / API / "f1.py", 3, "newer still")
    sent.commit("again")
    result = sent.sync()
    # Home's second edit and the pod's are upon the same first one of home's, which only git could tell apart.
    assert result.outcome in ("merged", "conflict")
    if result.outcome == "conflict":
        sent.git("merge", "-X", "ours", "--no-edit", result.branch)
        assert sent.sync().parity
    text = sent.host(f"{API}/f1.py")
    assert "newer still" in text
    assert "and the pod's" in text


def test_several_that_were_cut_off_one_after_the_other(sent, monkeypatch):
    monkeypatch.setattr(sent, "check", lambda: "an agent that is killed leaves its half-written file")
    for number in range(2):
        sent.lines(sent.repo / API / "f1.py", 3, f"again {number}")
        sent.lines(sent.repo / API / "f0.py", 3, f"again {number}")
        sent.commit("again")
        assert not sent.sync(Fragile(sent.transport, 3 + number)).parity
    sent.lines(sent.repo / API / "f1.py", 3, "the last")
    sent.commit("again")
    assert sent.sync().parity
    assert sent.branches == []


def test_what_went_there_behind_a_pull_is_remembered_too(world):
    world.filled()
    world.host(f"{API}/f0.py", "pod\n")
    world.lines(world.repo / API / "f1.py", 3, "newer at home")
    world.commit("newer")
    result = world.sync(Cut(world.transport, AFTER_PUSH + 1))
    assert (result.outcome, result.parity) == ("merged", False)
    assert "newer at home" in world.host(f"{API}/f1.py")
    world.lines(world.repo / API / "f1.py", 3, "newer still")
    world.commit("again")
    quiet(world, "pushed", 5)


def test_more_than_a_fifth_that_home_took_away_is_no_loss(world):
    world.filled()
    for number in range(3):
        (world.repo / API / f"f{number}.py").unlink()
    world.commit("fewer")
    assert not world.sync(Cut(world.transport, AFTER_PUSH)).parity
    quiet(world, "parity", 2)


def test_a_version_of_long_ago_is_an_edit_again(world):
    world.filled()
    old = world.host(f"{API}/f1.py")
    for text in ("second\n", "third\n"):
        world.home(f"{API}/f1.py", text)
        assert not world.sync(Cut(world.transport, AFTER_PUSH)).parity
        assert world.sync().parity
    for text in ("second\n", old):
        world.host(f"{API}/f1.py", text)
        assert [one.path for one in world.sync().changes] == [f"{API}/f1.py"]
        assert (world.repo / API / "f1.py").read_text() == text


def test_what_was_merged_by_hand_and_taken_back_stays_taken_back(world):
    world.filled()
    for root, word in ((world.there / "app", "pod"), (world.repo, "home")):
        world.lines(root / API / "f1.py", 3, word)
    world.commit("home")
    world.git("merge", "-X", "ours", "--no-edit", world.sync().branch)
    world.lines(world.there / "app" / API / "f2.py", 3, "a second edit")
    result = world.sync(Cut(world.transport, AFTER_PUSH))
    assert result.outcome == "merged"
    world.git("revert", "--no-edit", "-m", "1", "HEAD")
    assert world.sync().parity
    assert "a second edit" not in (world.repo / API / "f2.py").read_text()
    assert "a second edit" not in world.host(f"{API}/f2.py")


def test_markers_that_were_cut_off_half_way_are_known_whatever_comes_next(world, monkeypatch):
    monkeypatch.setattr(world, "check", lambda: "an agent that is killed leaves its half-written file")
    world.filled()
    whole = Fragile(world.transport, 10**6)
    world.host(f"{API}/f1.py", "0\n")
    assert world.sync(whole).parity
    marks = 10**6 - whole.left
    assert marks > 8
    for last in range(1, marks + 1):
        world.host(f"{API}/f1.py", f"{last}\n")
        assert world.sync(Fragile(world.transport, last)).outcome == "pulled"
    assert world.sync().parity
