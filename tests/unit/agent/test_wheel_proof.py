"""Wheels that no lock names are proven by their own list of files."""

import zipfile

import pytest
from wheel_house import build

from dgops.agent import wheel_proof


def rewrite(path, **changes):
    """Write a wheel again with members changed (bytes), added, or left out (None)."""
    with zipfile.ZipFile(path) as wheel:
        files = {name: wheel.read(name) for name in wheel.namelist()}
    for name, data in changes.items():
        files[name] = data
    with zipfile.ZipFile(path, "w") as wheel:
        for name, data in files.items():
            if data is not None:
                wheel.writestr(name, data)


HARM = {
    "whole": (lambda path: None, ""),
    "a file altered": (lambda path: rewrite(path, **{"one.py": b"value = 2\n"}), "one.py is not what its list says"),
    "a file gone": (lambda path: rewrite(path, **{"one.py": None}), "one.py is missing"),
    "a file more": (lambda path: rewrite(path, **{"evil.pth": b"import x"}), "evil.pth is not in its list"),
    "no list": (lambda path: rewrite(path, **{"one-1.0.dist-info/RECORD": None}), "it has no list of its files"),
    "signed": (lambda path: rewrite(path, **{"one-1.0.dist-info/RECORD.jws": b"{}"}), ""),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-30]), "not a whole zip"),
    "a byte of a member": (
        lambda path: path.write_bytes(path.read_bytes().replace(b"value = 1", b"value = 3", 1)),
        "not a whole zip: Bad CRC-32",
    ),
    "no zip": (lambda path: path.write_bytes(b"nothing"), "not a whole zip"),
    "empty": (lambda path: path.write_bytes(b""), "not a whole zip"),
}


@pytest.mark.parametrize(("harm", "problem"), HARM.values(), ids=HARM)
def test_by_its_own_list(tmp_path, harm, problem):
    path = build(tmp_path, "one")
    harm(path)
    found = wheel_proof.unsound(str(path))
    assert found.startswith(problem)
    assert bool(found) == bool(problem)


def test_verify_counts_and_names(tmp_path):
    build(tmp_path, "one")
    (tmp_path / "no-wheel.whl").touch()
    named = {("one", "1.0"): frozenset({"sha256:00"})}
    found = wheel_proof.verify(str(tmp_path), named, {})
    assert (found["wheels"], found["locked"], found["archives"]) == (2, 1, 0)
    assert [one["name"] for one in found["bad"]] == ["no-wheel.whl", "one-1.0-py3-none-any.whl"]
    assert found["bad"][0]["problem"] == "its name is not one of a wheel"
