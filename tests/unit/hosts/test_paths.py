import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.errors import UsageError
from dgops.hosts.paths import (
    advice,
    is_windows_path,
    to_here,
    windows_to_wsl,
    wsl_to_windows,
)

CASES = json.loads((Path(__file__).parents[2] / "cases/hosts/windows_paths.json").read_text())
PART = st.text(st.characters(exclude_characters='\\/<>:"|?*', exclude_categories=("Cc", "Cs")), min_size=1).filter(
    lambda part: part not in (".", "..")
)
DRIVE = st.sampled_from("abcXYZ")
# What is close to a path is the more telling rubbish.
RUBBISH = st.text(st.sampled_from("cC:\\/.~$ \t\0\n*?wslmnt…\udc80\ud800")) | st.text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["path"] or "empty")
def test_cases(case):
    assert is_windows_path(case["path"]) is case["windows"]
    assert windows_to_wsl(case["path"]) == case["wsl"]


@given(DRIVE, st.lists(PART))
def test_a_drive_path_becomes_its_mount(drive, parts):
    assert windows_to_wsl(f"{drive}:\\" + "\\".join(parts)) == "/".join([f"/mnt/{drive.lower()}", *parts])


@given(st.lists(PART, min_size=1))
def test_a_distro_path_becomes_a_linux_path(parts):
    assert windows_to_wsl("\\\\wsl$\\Debian\\" + "\\".join(parts)) == "/" + "/".join(parts)


@given(st.text())
def test_whatever_comes_out_is_absolute_and_no_windows_path(text):
    found = windows_to_wsl(text)
    assert found is None or (found.startswith("/") and "\\" not in found and ":" not in found)
    assert found is None or is_windows_path(text)


@given(DRIVE, st.lists(PART), st.sampled_from("\\/"), st.sampled_from(["/mnt", "/", "/win/drives/"]))
@settings(derandomize=True)
def test_there_and_back(drive, parts, slash, mount):
    windows = f"{drive.upper()}:{slash}{slash.join(parts)}"
    here = to_here(windows, mount)
    assert here.parts[: len(Path(mount).parts)] == Path(mount).parts
    assert wsl_to_windows(str(here), mount, slash) == windows


@given(RUBBISH)
@settings(derandomize=True)
def test_rubbish_becomes_a_path_or_a_usage_error(text):
    try:
        found = to_here(text)
    except UsageError:
        return
    # One that could be a file, and that no second translation would change.
    assert not found.exists() or found.stat()
    assert to_here(str(found)) == found
    assert wsl_to_windows(text) is None or text.startswith("/mnt/")


@given(st.lists(st.sampled_from(["..", ".", "a", ""])))
@settings(derandomize=True)
def test_nothing_leads_above_a_drive(parts):
    assert f"{windows_to_wsl('C:/' + '/'.join(parts))}/".startswith("/mnt/c/")
    back = wsl_to_windows("/mnt/c/" + "/".join(parts))
    assert back is None or ".." not in back


HERE = {
    "C:\\AI\\photos": "/mnt/c/AI/photos",
    "c:/AI\\photos/x": "/mnt/c/AI/photos/x",
    "\\\\?\\D:\\long": "/mnt/d/long",
    "\\\\wsl$\\Debian\\home\\seanf": "/home/seanf",
    "\\\\WSL.localhost\\Debian/home": "/home",
    "/mnt/c/AI": "/mnt/c/AI",
    "photos\\cats": "photos/cats",
    "..\\photos/cats": "../photos/cats",
    "photos": "photos",
    "a:b": None,
    "C:Usersseanf": None,
    "C:\temp\new": None,
    "\\\\server\\share": None,
    "\\temp": None,
    "a\\b\n": None,
    "": None,
    "a\0b": None,
}


@pytest.mark.parametrize("text", HERE)
def test_what_somebody_types(text):
    if HERE[text] is None:
        with pytest.raises(UsageError):
            to_here(text)
    else:
        assert to_here(text) == Path(HERE[text])


def test_a_tilde_is_home():
    assert to_here("~/x") == Path.home() / "x"
    assert to_here("~\\x") == Path.home() / "x"


BACK = {
    "/mnt/c": "C:\\",
    "/mnt/c/": "C:\\",
    "/mnt/c/AI/apps": "C:\\AI\\apps",
    "//mnt/c/AI": "C:\\AI",
    "/mnt/c/a/../b": "C:\\b",
    "/mnt/c/../home": None,
    "/mnt/cd/x": None,
    "/mnt": None,
    "/home/seanf": None,
    "mnt/c/x": None,
    "/mnt/c/a:b": None,
    "/mnt/c/a\\b": None,
    "": None,
}


@pytest.mark.parametrize("path", BACK)
def test_what_windows_calls_it(path):
    assert wsl_to_windows(path) == BACK[path]


def test_windows_slashes_may_be_plain_ones():
    assert wsl_to_windows("/mnt/c/AI/apps", slash="/") == "C:/AI/apps"


def test_advice_translates_or_says_why_not():
    assert advice("C:\\x") == "C:\\x is a Windows path; here it is /mnt/c/x"
    assert "lost its backslashes" in advice("C:Usersseanf")
