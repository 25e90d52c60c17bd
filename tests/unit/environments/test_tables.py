"""Where the data lies, near matches, and versions as numbers."""

import pytest

from dgops.environments import tables
from dgops.errors import DgopsError


def test_the_folders_of_the_clone():
    assert (tables.folder("profiles") / "cu121.yml").is_file()
    assert (tables.folder("locks") / "runtime.txt").is_file()


def test_beside_an_installed_package(monkeypatch, tmp_path):
    package = tmp_path / "site-packages/dgops"
    (package / "share/profiles/tables").mkdir(parents=True)
    monkeypatch.setattr(tables.dgops, "__file__", str(package / "__init__.py"))
    assert tables.folder("profiles") == package / "share/profiles"
    with pytest.raises(DgopsError, match="no locks beside"):
        tables.folder("locks")


def test_near_matches_and_all_that_is_known():
    assert tables.not_known("profile", "CU12", ["cu121", "cpu"]).hint == "did you mean cu121?"
    found = tables.not_known("profile", "xyz", ["cu121", "cpu"])
    assert (found.exit_code, found.hint) == (2, "known: cu121, cpu")


@pytest.mark.parametrize(
    ("text", "numbers"), [("2.10.1", (2, 10, 1)), ("2.5.1+cu121", (2, 5, 1)), ("0.0.28.post3", (0, 0, 28)), ("2", (2,))]
)
def test_versions_are_numbers(text, numbers):
    assert tables.release(text) == numbers
