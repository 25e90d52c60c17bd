"""A folder as people have them: nested, littered, with pipes and links in it."""

import os

import pytest

from dgops.dataset.sources.folder import Folder
from dgops.errors import DgopsError, UsageError
from dgops.files import digest_bytes


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "photos"
    (root / "deep/er").mkdir(parents=True)
    for name in ("b.jpg", "a.jpg", "deep/er/c.jpg", "note.txt"):
        (root / name).write_bytes(name.encode())
    return root


@pytest.fixture
def survey(folder, tmp_path):
    return lambda: {one.path: one for one in Folder(folder, tmp_path / "out/amira").survey()}


def test_every_file_in_order_of_its_path(survey):
    assert list(survey()) == ["a.jpg", "b.jpg", "deep/er/c.jpg", "note.txt"]
    assert survey()["a.jpg"].sha256 == digest_bytes(b"a.jpg")


def test_hidden_files_and_clutter_are_left_out(folder, survey):
    (folder / ".git").mkdir()
    for name in (".DS_Store", "Thumbs.db", ".git/x.jpg"):
        (folder / name).write_text("")
    assert len(survey()) == 4


def test_its_own_results_are_no_source(folder, tmp_path):
    for name in ("out/zoe/01_scrape", "out/amira/04_clean"):
        (folder / name).mkdir(parents=True)
        (folder / name / "x.jpg").write_text("")
    (folder / "out/zoe/01_scrape/manifest.json").write_text("{}")
    assert len(Folder(folder, folder / "out/amira").survey()) == 4


def test_links_are_refused_wherever_they_lead(folder, survey, tmp_path):
    (tmp_path / "secret.jpg").write_text("secret")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/x.jpg").write_text("secret")
    for name, target in (("out", tmp_path / "secret.jpg"), ("in", folder / "a.jpg"), ("loop", folder / "loop")):
        (folder / f"{name}.jpg").symlink_to(target)
    (folder / "folder").symlink_to(tmp_path / "secrets")
    found = survey()
    assert [found[name].reason for name in ("out.jpg", "in.jpg", "folder")] == ["link"] * 3
    assert found["out.jpg"].detail == "out of the folder"
    assert found["in.jpg"].detail == "to another file here"
    assert found["loop.jpg"].reason in ("link", "not readable")
    assert "folder/x.jpg" not in found


def test_a_pipe_blocks_nobody(folder, survey):
    os.mkfifo(folder / "pipe.jpg")
    assert survey()["pipe.jpg"].reason == "no regular file"


def test_names_that_are_no_text(folder, survey):
    for name in (b"\xff\xfe.jpg", b"a\nb.jpg", "🙂.jpg".encode(), b"x" * 250 + b".jpg"):
        (folder / os.fsdecode(name)).write_bytes(name)
    assert len(survey()) == 8
    assert not any(one.reason for one in survey().values())


def test_a_file_that_changes_while_it_is_read(folder, tmp_path):
    source = Folder(folder, tmp_path / "out")
    candidate = source.survey()[0]
    assert source.read(candidate) == b"a.jpg"
    (folder / "a.jpg").write_text("other")
    with pytest.raises(DgopsError, match="changed while it was read"):
        source.read(candidate)


def test_an_empty_folder(tmp_path):
    (tmp_path / "empty/deep").mkdir(parents=True)
    with pytest.raises(UsageError, match="holds no files") as caught:
        Folder(tmp_path / "empty", tmp_path / "out").survey()
    assert "--source" in caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(folder, survey):
    (folder / "a.jpg").chmod(0)
    assert survey()["a.jpg"].reason == "not readable"


def test_where_an_image_comes_from(folder, tmp_path):
    source = Folder(folder, tmp_path / "out")
    known = source.provenance(source.survey()[0])
    assert known == {"source": "folder", "file": "a.jpg", "right": "declared by the user"}
