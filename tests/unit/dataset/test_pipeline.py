"""Whole runs in this process: what comes out, what is held, what fails and how."""

import hashlib
import json
import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from dgops.dataset import lock, pipeline
from dgops.dataset.options import Targets
from dgops.errors import BusyError, DgopsError, UsageError

STAGES = ["01_scrape", "02_crop", "03_validate", "04_clean", "05_caption", "06_publish", "07_summary"]


def tree(root):
    """Return the digest of every file below a folder."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_run_makes_all_that_was_promised(run, tmp_path):
    outcome = run()
    root = tmp_path / "out/amira"
    assert outcome.ok
    assert outcome.kept == 4
    assert [one.name for one in outcome.stages] == STAGES
    assert sorted(os.listdir(root)) == STAGES
    published = {name for name in tree(root / "06_publish") if "/" not in name}
    assert published == {
        "config_linux.toml",
        "config_win.toml",
        "manifest.json",
        "train_linux.sh",
        "train_win.bat",
        "trigger_word.txt",
    }
    assert [len(os.listdir(root / f"06_publish/{side}")) for side in (256, 1024)] == [8, 8]
    names = ["amira_captions.txt", "amira_contact_sheet.png", "manifest.json"]
    assert sorted(os.listdir(root / "07_summary")) == names
    assert os.listdir(tmp_path / "out") == ["amira"]


def test_again_everything_is_held_and_nothing_written(run, tmp_path):
    run()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    outcome = run()
    assert outcome.ok
    assert all(one.held for one in outcome.stages)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before


def test_processes_and_folders_make_no_difference(run, options, source, tmp_path):
    for seed in range(10, 14):
        Image.open(source / f"p{seed - 10}.jpg").rotate(90).save(source / f"q{seed}.jpg", quality=92)
    run()
    elsewhere = tmp_path / "another place"
    elsewhere.mkdir()
    source.rename(elsewhere / "renamed")
    assert run(2, source=elsewhere / "renamed", output=elsewhere / "out").ok
    assert tree(elsewhere / "out/amira") == tree(tmp_path / "out/amira")


def test_nothing_of_this_machine_is_in_what_comes_out(run, tmp_path):
    run()
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or str(tmp_path).encode() not in path.read_bytes()


def test_another_image_is_added(run, source):
    run()
    Image.effect_noise((400, 300), 90).save(source / "new.png")
    outcome = run()
    assert (outcome.ok, outcome.kept) == (True, 5)


def test_another_trigger_leaves_the_images_alone(run):
    run()
    assert [one.name for one in run(trigger="zoe").stages if one.held] == STAGES[:4]


def test_every_rejected_image_is_aside_with_its_reason_and_absent_from_the_set(run, source, tmp_path):
    Image.open(source / "p0.jpg").save(source / "again.png")
    (source / "copy.jpg").write_bytes((source / "p1.jpg").read_bytes())
    Image.new("RGB", (400, 300), "grey").save(source / "flat.png")
    Image.new("RGB", (1, 1)).save(source / "dot.png")
    Image.new("RGB", (30000, 1)).save(source / "line.png")
    Image.effect_noise((900, 280), 90).save(source / "wide.png")
    (source / "cut.jpg").write_bytes((source / "p2.jpg").read_bytes()[:9000])
    (source / "fake.jpg").write_text("hello")
    (source / "nothing.png").write_bytes(b"")
    outcome = run()
    rows = json.loads((tmp_path / "out/amira/04_clean/rejected/rejected.json").read_text())
    assert {row["source"]: row["reason"] for row in rows} == {
        "p0.jpg": "near duplicate",
        "p1.jpg": "duplicate",
        "flat.png": "blurred",
        "dot.png": "too small",
        "line.png": "too small",
        "wide.png": "too narrow",
        "cut.jpg": "truncated",
        "fake.jpg": "not an image",
        "nothing.png": "empty file",
    }
    for row in rows:
        if row["reason"] not in ("not an image", "empty file"):
            assert (tmp_path / "out/amira/04_clean/rejected" / row["aside"]).is_file()
    captions = (tmp_path / "out/amira/07_summary/amira_captions.txt").read_text()
    assert captions.count("amiranoor") == outcome.kept == 4
    assert not any(Path(row["source"]).stem in captions for row in rows if row["source"] != "p1.jpg")
    assert len((tmp_path / "out/amira/04_clean/rejected/rejected.csv").read_text().splitlines()) == len(rows) + 1


def test_no_more_than_the_target(run, tmp_path):
    outcome = run(target=3)
    assert (outcome.ok, outcome.kept) == (True, 3)
    rows = json.loads((tmp_path / "out/amira/04_clean/rejected/rejected.json").read_text())
    assert [(row["source"], row["reason"]) for row in rows] == [("p3.jpg", "beyond the target")]


def test_a_small_shortfall_is_accepted_and_said(run):
    outcome = run(target=5)
    assert outcome.ok
    assert "1 short of 5" in next(one.words for one in outcome.stages if one.name == "04_clean")


def test_a_large_shortfall_fails_and_says_where_they_went(run):
    outcome = run(target=6)
    assert not outcome.ok
    assert outcome.failure.stage == "04_clean"
    assert "4 images left; 6 were asked for and 5 are the least" in outcome.failure.message
    assert outcome.summary == []


def test_nothing_but_rubbish(run, source):
    for path in source.iterdir():
        path.write_text("hello")
    outcome = run()
    assert (outcome.ok, outcome.failure.stage) == (False, "04_clean")
    assert "4 not an image" in outcome.failure.message
    assert "JPEG" in outcome.failure.hint


def test_an_empty_folder_is_a_mistake_of_the_command(run, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no files"):
        run(source=tmp_path / "empty")


def test_a_second_run_says_who_is_at_work(run, tmp_path):
    with lock.hold(tmp_path / "out/.amira.lock", "it"), pytest.raises(BusyError, match=f"process {os.getpid()}"):
        run()
    assert run().ok


def test_captions_edited_by_hand_are_never_lost(run, tmp_path):
    run()
    edited = tmp_path / "out/amira/05_caption/p0.txt"
    edited.write_text("amiranoor, laughing")
    outcome = run()
    aside = next(one.aside for one in outcome.stages if one.name == "05_caption")
    assert (aside / "p0.txt").read_text() == "amiranoor, laughing"
    assert edited.read_text() != "amiranoor, laughing"


@pytest.mark.parametrize("damage", ["unlink", "truncate", "rubbish manifest"])
@pytest.mark.parametrize("stage", STAGES)
def test_a_damaged_stage_is_made_anew(run, tmp_path, stage, damage):
    run()
    folder = tmp_path / "out/amira" / stage
    before = tree(tmp_path / "out/amira")
    victim = next(path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "manifest.json")
    if damage == "unlink":
        victim.unlink()
    else:
        victim = victim if damage == "truncate" else folder / "manifest.json"
        data = victim.read_bytes()
        victim.unlink()  # it may be linked from another stage
        victim.write_bytes(data[: len(data) // 2])
    assert run().ok
    after = {name: digest for name, digest in tree(tmp_path / "out/amira").items() if not name.startswith("aside/")}
    assert after == before


def test_results_are_delivered(run, tmp_path):
    for name in ("win", "linux", "warehouse"):
        (tmp_path / name).mkdir()
    targets = Targets(tmp_path / "win", tmp_path / "linux", tmp_path / "warehouse")
    outcome = run(targets=targets, output_dir=tmp_path / "new/summary")
    assert [one.what for one in outcome.deliveries] == ["output-dir", "warehouse", "windows", "linux"]
    summary = {"amira_captions.txt", "amira_contact_sheet.png"}
    assert set(os.listdir(tmp_path / "warehouse")) == set(os.listdir(tmp_path / "new/summary")) == summary
    assert set(os.listdir(tmp_path / "win")) == {"256", "train_win.bat", "config_win.toml", ".dgops-shipped.json"}
    assert set(os.listdir(tmp_path / "linux")) == {"256", "train_linux.sh", "config_linux.toml", ".dgops-shipped.json"}
    assert f'"{tmp_path}/linux/256"' in (tmp_path / "linux/config_linux.toml").read_text()


def test_a_refusal_at_one_trainer_changes_nothing_at_the_other(run, tmp_path):
    for name in ("win", "linux/256"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "linux/256/mine.jpg").write_text("precious")
    outcome = run(targets=Targets(tmp_path / "win", tmp_path / "linux"))
    assert "256/mine.jpg" in outcome.failure.message
    assert os.listdir(tmp_path / "win") == []


def test_without_targets_nothing_is_shipped_and_it_says_so(run):
    assert "nothing shipped" in run().deliveries[-1].words


@pytest.mark.parametrize("target", ["windows", "linux", "warehouse"])
def test_a_place_that_is_not_there_fails_the_run(run, tmp_path, target):
    outcome = run(targets=Targets(**{target: tmp_path / "gone"}))
    assert not outcome.ok
    assert outcome.failure.stage == "delivery"
    assert "gone: no such folder" in outcome.failure.message


def test_a_run_without_its_summary_fails(run, monkeypatch):
    from dgops.dataset.stages import summary

    assert run().ok
    # The stage still holds, and is not what it should be.
    monkeypatch.setattr(summary, "file_names", lambda slug: ("other.png", "missing.txt"))
    outcome = run()
    assert (outcome.ok, outcome.failure.stage) == (False, "07_summary")
    assert "other.png is missing" in outcome.failure.message


def test_a_missing_library_is_named_with_its_extra(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(DgopsError, match="needs opencv") as caught:
        run()
    assert "dgops[dataset]" in caught.value.hint


def test_an_opencv_without_a_face_detector_is_refused(run, monkeypatch):
    import cv2

    monkeypatch.delattr(cv2, "CascadeClassifier")
    with pytest.raises(DgopsError, match="has no face detector"):
        run()


def test_every_stage_is_known_by_its_number():
    import importlib

    names = [importlib.import_module(module).STAGE.name for module in pipeline.STAGES]
    assert names == STAGES


class Model:
    """A captioner that runs a model of 6 GB."""

    def __init__(self, options):
        del options

    def gpu_memory(self):
        return 6 << 30

    def parameters(self):
        return {}

    def captions(self, images):
        return ["amiranoor"] * len(images)


@pytest.fixture
def model(monkeypatch):
    from dgops.dataset.captioners import captioner

    monkeypatch.setitem(captioner.CAPTIONERS, "template", "stand_in:Model")
    monkeypatch.setitem(sys.modules, "stand_in", sys.modules[Model.__module__])
    monkeypatch.setitem(sys.modules, "torch", None)


def test_a_model_without_a_gpu_is_fatal_before_the_first_stage(model, run, tmp_path):
    with pytest.raises(DgopsError, match=r"^FATAL: no model runs on the CPU") as caught:
        run()
    assert caught.value.exit_code == 1
    assert not (tmp_path / "out/amira").exists()


def test_in_fast_test_mode_it_runs_and_says_so(model, run, capsys):
    assert run(mode="fast-test").ok
    assert capsys.readouterr().err.startswith("fast-test mode: no GPU is asked for")


def test_without_a_model_no_gpu_is_asked_for(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert run(mode="production").ok
