import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgops.hosts.paths import advice, is_windows_path, windows_to_wsl

CASES = json.loads((Path(__file__).parents[2] / "cases/hosts/windows_paths.json").read_text())
PART = st.text(st.characters(exclude_characters='\\/<>:"|?*', exclude_categories=("Cc", "Cs")), min_size=1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["path"] or "empty")
def test_cases(case):
    assert is_windows_path(case["path"]) is case["windows"]
    assert windows_to_wsl(case["path"]) == case["wsl"]


@given(st.sampled_from("abcXYZ"), st.lists(PART))
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


def test_advice_translates_or_says_why_not():
    assert advice("C:\\x") == "C:\\x is a Windows path; here it is /mnt/c/x"
    assert "lost its backslashes" in advice("C:Usersseanf")
