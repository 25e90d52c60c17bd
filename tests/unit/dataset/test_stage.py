"""Held, made anew, set aside; whole or not at all."""

from dataclasses import replace

import pytest

from dgops.dataset import manifest, stage
from dgops.dataset.manifest import Digests, Item
from dgops.dataset.stage import Bench, Stage
from dgops.dataset.workers import Workers


@pytest.fixture
def bench(options):
    return Bench(options(), Workers(1), Digests(), {})


class Maker:
    """A stage that counts how often it is made."""

    def __init__(self):
        self.runs = 0
        self.text = "one"
        self.fails = False

    def stage(self, **more):
        known = Stage("02_crop", 1, (), lambda _: {"p": 1}, self.make, lambda _: ("", ""))
        return replace(known, **more)

    def make(self, work):
        self.runs += 1
        (work.folder / "a.txt").write_text(self.text)
        if self.fails:
            raise OSError(28, "No space left on device")
        return [Item("a", "a", file="a.txt")]


@pytest.fixture
def maker():
    return Maker()


def test_made_once_and_then_held(bench, maker):
    first = stage.bring(maker.stage(), bench, {})
    second = stage.bring(maker.stage(), bench, {})
    assert (first.held, second.held, maker.runs) == (False, True, 1)
    assert second.manifest == first.manifest


@pytest.mark.parametrize("change", [{"version": 2}, {"parameters": lambda _: {"p": 2}}])
def test_made_anew_where_it_would_differ(bench, maker, change):
    stage.bring(maker.stage(), bench, {})
    assert not stage.bring(maker.stage(**change), bench, {}).held


def test_made_anew_where_a_library_is_another(bench, maker):
    stage.bring(maker.stage(), bench, {})
    assert not stage.bring(maker.stage(), replace(bench, tools={"pillow": "99"}), {}).held


def test_made_anew_where_an_input_is_another(bench, maker):
    first = stage.bring(maker.stage(name="01_scrape"), bench, {})
    second = maker.stage(inputs=("01_scrape",))
    assert not stage.bring(second, bench, {"01_scrape": first}).held
    assert stage.bring(second, bench, {"01_scrape": first}).held
    other = replace(first, manifest=replace(first.manifest, items=()))
    assert not stage.bring(second, bench, {"01_scrape": other}).held


def test_a_missing_output_is_made_again(bench, maker):
    made = stage.bring(maker.stage(), bench, {})
    (made.folder / "a.txt").unlink()
    again = stage.bring(maker.stage(), bench, {})
    assert (again.held, again.aside) == (False, None)
    assert (again.folder / "a.txt").read_text() == "one"


def test_what_somebody_changed_is_set_aside_and_never_overwritten(bench, maker):
    made = stage.bring(maker.stage(), bench, {})
    for number, edit in enumerate(("mine", "mine again"), start=1):
        (made.folder / "a.txt").write_text(edit)
        again = stage.bring(maker.stage(), replace(bench, digests=Digests()), {})
        assert again.aside == made.folder.parent / "aside" / f"02_crop-{number}"
        assert (again.aside / "a.txt").read_text() == edit
        assert (again.folder / "a.txt").read_text() == "one"


def test_a_folder_without_a_manifest_is_set_aside(bench, maker):
    folder = bench.options.root / "02_crop"
    folder.mkdir(parents=True)
    (folder / "precious").write_text("x")
    assert (stage.bring(maker.stage(), bench, {}).aside / "precious").read_text() == "x"


def test_a_failed_stage_leaves_nothing_and_what_was_there(bench, maker):
    stage.bring(maker.stage(), bench, {})
    maker.fails, maker.text = True, "two"
    with pytest.raises(OSError, match="No space left"):
        stage.bring(maker.stage(version=2), bench, {})
    assert [path.name for path in bench.options.root.iterdir()] == ["02_crop"]
    assert (bench.options.root / "02_crop/a.txt").read_text() == "one"


def test_half_made_folders_are_cleared(bench, maker):
    half = bench.options.root / ".02_crop.x1y2"
    half.mkdir(parents=True)
    (half / manifest.NAME).write_text("{}")
    stage.clear(bench.options.root)
    assert not half.exists()
