"""A run is finished when everything is there, and not before."""

import pytest

from dgops.dataset import deliver
from dgops.dataset.manifest import Item, Manifest
from dgops.dataset.options import Targets
from dgops.dataset.stage import Made
from dgops.errors import DgopsError


@pytest.fixture
def made(tmp_path):
    found = {}
    for name in ("05_caption", "06_publish", "07_summary"):
        (tmp_path / name).mkdir()
        found[name] = Made(tmp_path / name, Manifest(name, 1, "f", {}, (Item("a", "a.jpg"),), {}))
    for side in ("256", "1024"):
        (tmp_path / "06_publish" / side).mkdir()
        for ending in ("jpg", "txt"):
            (tmp_path / "06_publish" / side / f"a.{ending}").write_text("x")
    for name in ("amira_contact_sheet.png", "amira_captions.txt"):
        (tmp_path / "07_summary" / name).write_text("x")
    return found


def test_a_whole_run(options, made):
    deliver.judge(options(), made)


@pytest.mark.parametrize("name", ["07_summary/amira_contact_sheet.png", "07_summary/amira_captions.txt"])
@pytest.mark.parametrize("empty", [True, False])
def test_without_its_summary_it_is_not(options, made, tmp_path, name, empty):
    (tmp_path / name).write_text("") if empty else (tmp_path / name).unlink()
    with pytest.raises(DgopsError, match="is missing"):
        deliver.judge(options(), made)


def test_with_a_file_too_few_it_is_not(options, made, tmp_path):
    (tmp_path / "06_publish/256/a.txt").unlink()
    with pytest.raises(DgopsError, match="holds 1 files and should hold 2"):
        deliver.judge(options(), made)


def test_an_empty_set_is_not(options, made, tmp_path):
    made["05_caption"] = Made(tmp_path / "05_caption", Manifest("05_caption", 1, "f", {}, (), {}))
    with pytest.raises(DgopsError, match="05_caption is empty"):
        deliver.judge(options(), made)


def test_the_warehouse_is_looked_for_before_anything_is_shipped(options, made, tmp_path):
    (tmp_path / "trainer").mkdir()
    targets = Targets(linux=tmp_path / "trainer", warehouse=tmp_path / "gone")
    with pytest.raises(DgopsError, match="gone: no such folder"):
        list(deliver.deliver(options(targets=targets), made))
    assert list((tmp_path / "trainer").iterdir()) == []
