"""How jobs read: short sizes and times, one line whatever the host said."""

from pathlib import Path

import click
import pytest

from dgops.cli import job_lines
from dgops.jobs.job import Job
from dgops.jobs.progress import Moved
from dgops.jobs.pull import Brought, Pulled

JOB = Job("0123abcd", "pod", "command", "a b" + "c" * 100, "failed", started="2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (1, "1 byte"), (400_000, "0.4 MB"), (81_000_000, "81 MB")],
)
def test_sizes(size, text):
    assert job_lines.megabytes(size) == text


def test_a_row():
    cells = [click.unstyle(cell) for cell in job_lines.cells(JOB)]
    assert cells[:3] == ["0123abcd", "pod", "failed"]
    assert cells[4] == "-"
    assert cells[5].startswith("a bccc")
    assert len(cells[5]) == job_lines.WIDEST


@pytest.mark.parametrize("finished", [None, "yesterday", "2025-01-01T00:00:00Z", "2026-01-01T00:00:00"])
def test_times_that_make_no_sense_take_no_time(finished):
    assert job_lines.took(Job("0123abcd", "pod", "x", "x", "failed", started=JOB.started, finished=finished)) == 0.0


def test_why():
    assert job_lines.why(JOB) == "the job failed and said nothing"
    assert job_lines.why(Job("0123abcd", "pod", "x", "x", "lost", reason="gone")) == "gone"


@pytest.mark.parametrize(
    ("places", "words"),
    [
        (["a"], "a  "),
        (["out/a", "out/b", "c"], "out/a, out/b, c  "),
        (["out/a", "out/b", "out/c", "out/d/e"], "out/  "),
        (["a", "b", "c", "d"], "a, b, c and 1 more  "),
        (["/elsewhere/a", "b", "c", "d"], "/elsewhere/a, b, c and 1 more  "),
    ],
)
def test_many_places_below_one_folder_are_that_folder(places, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    roots = tuple(Path(place) for place in places)
    pulled = Pulled((Brought(roots[0], "0" * 64, 5),), Moved(1, 5, 0, 0.1, 1), roots)
    assert job_lines.home(pulled) == f"{words}1 file, 5 bytes verified"


def test_a_dgops_on_the_host_says_error_once():
    job = Job("0123abcd", "pod", "dataset", "x", "failed", first_failure="error: amira FAILED in 04_clean")
    assert job_lines.why(job) == "amira FAILED in 04_clean"


def test_how_venvs_stood():
    found = {
        "/a": {"holds": True, "findings": [], "count": 0},
        "/b": {"holds": False, "findings": ["x.py was added"], "count": 3},
        "/c": "rubbish",
    }
    assert job_lines.attested(found) == [
        "/a  as its lock says",
        "/b  drifted: x.py was added and 2 more",
        "/c  drifted: it differs from its lock",
    ]
    assert job_lines.attested(None) == job_lines.attested([]) == []
