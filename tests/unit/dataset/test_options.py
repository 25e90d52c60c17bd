"""What may be asked for."""

import pytest

from dgops.dataset.options import Targets, check, here, read_targets
from dgops.errors import UsageError


def test_everything_wrong_is_said_at_once(options, tmp_path):
    with pytest.raises(UsageError) as caught:
        check(options(slug="a b", trigger="x,y", source=tmp_path / "gone"))
    assert "slug" in caught.value.message
    assert "trigger" in caught.value.message
    assert "no such folder" in caught.value.message


def test_a_file_is_no_source(options, source):
    with pytest.raises(UsageError, match="is no folder"):
        check(options(source=source / "p0.jpg"))


def test_a_source_inside_its_own_results(options, tmp_path):
    inner = tmp_path / "out/amira/05_caption"
    inner.mkdir(parents=True)
    with pytest.raises(UsageError, match="lies inside"):
        check(options(source=inner))


def test_results_need_a_folder(options, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(UsageError, match="is no folder"):
        check(options())


def test_windows_paths_are_translated():
    assert str(here("C:\\photos\\amira")) == "/mnt/c/photos/amira"


def test_a_path_that_lost_its_backslashes():
    with pytest.raises(UsageError, match="lost its backslashes"):
        here("C:photosamira")


def test_a_folder_here_may_have_a_backslash(tmp_path):
    (tmp_path / "a\\b").mkdir()
    assert here(str(tmp_path / "a\\b")).is_dir()


def test_targets_come_from_the_environment():
    assert read_targets({}) == Targets()
    found = read_targets({"DGOPS_PUBLISH_WINDOWS": "C:\\AI", "DGOPS_WAREHOUSE": "/w", "DGOPS_PUBLISH_LINUX": ""})
    assert (str(found.windows), found.linux, str(found.warehouse)) == ("/mnt/c/AI", None, "/w")


def test_one_folder_for_both_trainers(options, tmp_path):
    both = Targets(windows=tmp_path / "a", linux=tmp_path / "b/../a")
    with pytest.raises(UsageError, match="both trainers"):
        check(options(targets=both))


def test_a_place_below_a_file_is_no_place(options, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="file is no folder"):
        check(options(output_dir=tmp_path / "file/x"))
