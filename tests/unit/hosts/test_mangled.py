import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.errors import UsageError
from dgops.hosts.mangled import likely
from dgops.hosts.paths import advice, to_here, windows_to_wsl

CASES = json.loads((Path(__file__).parents[2] / "cases/hosts/mangled_paths.json").read_text())
# Names that a Windows path is made of; none of one letter, which would be a drive.
NAME = st.text(st.sampled_from("abcABC019 ._-éä"), min_size=2, max_size=9).filter(lambda name: name.strip(" .") == name)
NAMES = st.lists(NAME, min_size=1, max_size=5)
DRIVE = st.sampled_from("qrQR")


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case["path"]))
def test_cases(case):
    """Each is refused, and the path that was meant is named."""
    mount = case.get("mount", "/mnt")
    assert likely(case["path"], mount) == case["likely"]
    with pytest.raises(UsageError) as refused:
        to_here(case["path"], mount)
    assert f"did you mean {case['likely']}?" in refused.value.hint


MANGLERS = {
    "git's shell": lambda drive, names: "/" + "/".join([drive, *names]),
    "cygwin": lambda drive, names: "/cygdrive/" + "/".join([drive, *names]),
    "a colon too many": lambda drive, names: f"/mnt/{drive}:/" + "/".join(names),
    "backslashes for slashes": lambda drive, names: "\\mnt\\" + "\\".join([drive, *names]),
    "translated twice": lambda drive, names: "C:/Program Files/Git/mnt/" + "/".join([drive, *names]),
    "a link": lambda drive, names: f"file:///{drive}:/" + "/".join(names),
    "quotes of its own": lambda drive, names: f'"{drive}:\\' + "\\".join(names) + '"',
}


@pytest.mark.parametrize("name", MANGLERS)
@given(DRIVE, NAMES)
@settings(derandomize=True)
def test_what_was_mangled_is_found_again(name, drive, names):
    path = f"{drive}:\\" + "\\".join(names)
    mangled = MANGLERS[name](drive, names)
    meant = windows_to_wsl(path, "/mnt")
    assert likely(mangled, "/mnt") == meant
    with pytest.raises(UsageError) as refused:
        to_here(mangled, "/mnt")
    assert f"did you mean {meant}?" in refused.value.hint
    # What it is told is taken as it is.
    assert str(to_here(meant, "/mnt")) == meant
    assert likely(path, "/mnt") is None


@given(NAMES)
@settings(derandomize=True)
def test_no_drive_is_most_likely_c(names):
    assert likely("\\" + "\\".join(names), "/mnt") == "/mnt/c/" + "/".join(names)


@given(st.text())
def test_what_is_likely_is_a_path_that_is_taken(text):
    found = likely(text, "/nowhere/drives")
    if found is not None:
        assert found.startswith("/")
        assert found != text


def test_lost_backslashes_are_found_by_what_is_there(tmp_path):
    (tmp_path / "c/Users/seanf/Documents").mkdir(parents=True)
    (tmp_path / "c/Users/sean").mkdir()
    (tmp_path / "c/AI/apps").mkdir(parents=True)
    mount = str(tmp_path)
    assert likely("C:UsersseanfDocumentsx.png", mount) == f"{mount}/c/Users/seanf/Documents/x.png"
    assert likely("c:aiapps", mount) == f"{mount}/c/AI/apps"
    assert likely("C:Unknown", mount) == f"{mount}/c/Unknown"
    assert likely("C:UsersseanfDocuments/x/y", mount) == f"{mount}/c/Users/seanf/Documents/x/y"


def test_a_path_that_is_there_is_no_mistake(tmp_path, monkeypatch):
    monkeypatch.setattr("os.path.lexists", lambda path: path in ("/c", "/mnt/C"))
    assert to_here("/c/Users") == Path("/c/Users")
    assert to_here("/mnt/C/Users") == Path("/mnt/C/Users")


def test_a_folder_of_one_letter_is_no_drive():
    assert to_here("/w") == Path("/w")
    assert to_here("/w/") == Path("/w")


def test_advice_names_it_too():
    assert advice("C:Usersseanf", "/mnt") == (
        "'C:Usersseanf' looks like a Windows path that lost its backslashes, or that WSL cannot see; "
        "write it as /mnt/c/Users/seanf"
    )
    assert advice("\\\\server\\share", "/win").endswith("write it as /win/c/…")


def test_the_distro_says_where_its_drives_are(monkeypatch):
    monkeypatch.setattr("dgops.hosts.paths.mount_root", lambda: "/win")
    assert to_here("C:\\AI") == Path("/win/c/AI")
    assert windows_to_wsl("C:\\AI") == "/win/c/AI"
    with pytest.raises(UsageError) as refused:
        to_here("/mnt/q/AI")
    assert "did you mean /win/q/AI?" in refused.value.hint
