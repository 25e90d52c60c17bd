"""The message: one short line that tells, the paths, the origin."""

import pytest

from dgops.sync.message import compose
from dgops.sync.reconcile import Change

LONG = "very/" * 30 + "name.py"
SUBJECTS = [
    ([("M", "a/b.py")], "pod: edit a/b.py"),
    ([("A", "a/b.py")], "pod: add a/b.py"),
    ([("D", "a/b.py"), ("D", "a/c.py")], "pod: delete 2 files in a"),
    ([("M", "a/b.py"), ("A", "c/d/e.py")], "pod: edit 2 files in a, c/d"),
    ([("M", LONG)], "pod: edit name.py"),
    ([("M", f"{letter * 30}/x/y.py") for letter in "abc"], f"pod: edit 3 files in {'a' * 30}, {'b' * 30}"[:72]),
]


@pytest.mark.parametrize(("rows", "subject"), SUBJECTS)
def test_the_first_line(rows, subject):
    found = compose("pod", "id", "1" * 40, [Change(*row) for row in rows]).splitlines()[0]
    assert found[:60] == subject[:60]
    assert len(found) <= 72


def test_what_a_person_said_comes_first():
    text = compose("pod", "id", "1" * 40, [Change("M", "a")], " mend the clock\n\nit ran late\n")
    assert text.startswith("mend the clock\n\nit ran late\n\n  M a\n\nDgops-Host: pod\n")


def test_paths_are_listed_up_to_a_point_and_trailers_end_it():
    text = compose("pod", "id", "1" * 40, [Change("M", f"f{number}") for number in range(60)])
    assert "  M f49\n  and 10 more\n\nDgops-Host: pod\nDgops-Pod: id\nDgops-Base: " in text
