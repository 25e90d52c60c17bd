"""Outputs come home while their job runs: whole files, verified, gone on with after a cut, again where they change."""

import os
import threading
import time
from pathlib import Path

import pytest

from dgops.errors import UnreachableError
from dgops.files import digest_bytes
from dgops.jobs import early
from dgops.jobs import pull as pulling
from dgops.jobs.ask import Ask
from dgops.jobs.early import Early, Whole, pull_whole
from dgops.jobs.job import Output, Request
from dgops.jobs.place import Place
from dgops.jobs.submit import submit

JOB = "0123abcd"


@pytest.fixture
def results(base):
    folder = Path(base) / "jobs" / JOB / "work/results"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def whole(link, base, user, tmp_path):
    return Whole(Ask(link, base, user, JOB), [Output("results", tmp_path / "here")])


def names(offers):
    return [one.name for one in offers]


def test_a_file_comes_when_it_was_alike_twice_and_again_when_it_changes(whole, results, tmp_path):
    (results / "a.txt").write_text("a")
    assert whole.bring() == ([], [])
    (results / "b.txt").write_text("b")
    there, new = whole.bring()
    assert names(there) == names(new) == ["results/a.txt"]
    assert (tmp_path / "here/a.txt").read_text() == "a"
    assert names(whole.bring()[1]) == ["results/b.txt"]
    assert whole.bring() == ([], [])
    (results / "a.txt").write_text("longer")
    assert whole.bring() == ([], [])
    assert names(whole.bring()[1]) == ["results/a.txt"]
    assert (tmp_path / "here/a.txt").read_text() == "longer"


def test_what_is_open_for_writing_stays_where_it_is(whole, results, tmp_path):
    with (results / "model.bin").open("wb") as model:
        model.write(b"half")
        model.flush()
        for _ in range(3):
            assert whole.bring() == ([], [])
    whole.bring()
    assert names(whole.bring()[1]) == ["results/model.bin"]


def test_a_cut_leaves_a_part_that_is_gone_on_with(whole, results, tmp_path, link, monkeypatch):
    monkeypatch.setattr(pulling, "ROUND_BYTES", 1000)
    data = os.urandom(5500)
    (results / "model.bin").write_bytes(data)
    whole.look()
    ask, asked = link.exchange, []

    def cut(command, request, payload=b"", *, timeout=300.0):
        if request["op"] == "read":
            asked.append(request["files"][0]["offset"])
            if len(asked) == 4:
                raise UnreachableError("here: cut")
        return ask(command, request, payload, timeout=timeout)

    monkeypatch.setattr(link, "exchange", cut)
    with pytest.raises(UnreachableError):
        whole.bring()
    assert not (tmp_path / "here/model.bin").exists()
    whole.bring()
    assert asked == [0, 1000, 2000, 3000, 3000, 4000, 5000]
    assert (tmp_path / "here/model.bin").read_bytes() == data


def test_it_stops_between_two_rounds(whole, results, tmp_path, monkeypatch):
    monkeypatch.setattr(pulling, "ROUND_BYTES", 1000)
    (results / "model.bin").write_bytes(bytes(5500))
    whole.look()
    answers = iter([True, True, False, False])
    assert whole.bring(lambda: next(answers)) == ([], [])
    (part,) = (tmp_path / "here").iterdir()
    assert part.stat().st_size == 2000


def test_pull_of_a_job_that_runs(link, base, user, results, tmp_path, monkeypatch):
    monkeypatch.setattr(early, "PAUSE", 0.1)
    (results / "a.txt").write_text("a")
    with (results / "half.bin").open("wb"):
        found = pull_whole(link, base, user, JOB, [Output("results", tmp_path / "here")])
    assert [(one.path, one.sha256) for one in found.files] == [(tmp_path / "here/a.txt", digest_bytes(b"a"))]
    assert (found.moved.files, found.moved.already, found.missing) == (1, 0, ())


STEPS = (
    "mkdir results; echo one > results/one; exec 3> results/half; echo begun >&3;"
    " while [ ! -e $GO ]; do sleep 0.1; done; echo end >&3"
)


def test_beside_a_job_that_runs(look_away, here, settings, base, heard, tmp_path, monkeypatch):
    monkeypatch.setattr(early, "PAUSE", 0.2)
    outputs = (Output("results", tmp_path / "home-results"),)
    go = tmp_path / "go"
    request = Request("command", "x", ("sh", "-c", STEPS), outputs=outputs, env={"GO": str(go)})
    job = submit(here, settings, request, heard)
    home = tmp_path / "home-results"
    with Early(Place(here, base, job.id, outputs), settings, heard.told):
        until = time.monotonic() + 120
        while not (home / "one").exists() and time.monotonic() < until:
            time.sleep(0.05)
        assert os.listdir(home) == ["one"]
        go.touch()
        while not (home / "half").exists() and time.monotonic() < until:
            time.sleep(0.05)
    assert (home / "half").read_text() == "begun\nend\n"
    assert [words.split()[:2] for words in heard.messages] == [["home", "results/one"], ["home", "results/half"]]


@pytest.mark.parametrize("place", [{"home": True}, {"outputs": None}])
def test_nothing_is_asked_where_nothing_is_to_come(here, settings, base, place):
    outputs = place.get("outputs", (Output("results", Path("x")),))
    before = threading.active_count()
    with Early(Place(here, base, JOB, outputs, place.get("home", False)), settings, lambda _words: None):
        assert threading.active_count() == before
