"""Shipping replaces its own and nobody else's, and can be killed at any write."""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.dataset import shipping
from dgops.errors import DgopsError
from dgops.files import digest_files

NAMES = ("train_linux.sh", "config_linux.toml")


def published(root, slug, *images):
    source = root / slug
    (source / "256").mkdir(parents=True)
    for image in images:
        (source / f"256/{image}.jpg").write_bytes(f"{slug} {image}".encode())
        (source / f"256/{image}.txt").write_text(slug)
    for name in NAMES:
        (source / name).write_text(f"{slug} {name}")
    (source / "train_linux.sh").chmod(0o755)
    return source


@pytest.fixture
def trainer(tmp_path):
    folder = tmp_path / "musubi-tuner"
    (folder / "src").mkdir(parents=True)
    (folder / "src/train.py").write_text("trainer")
    (folder / "config_mine.toml").write_text("mine")
    return folder


@pytest.fixture
def amira(tmp_path):
    return published(tmp_path, "amira", "a", "b")


@pytest.fixture
def zoe(tmp_path):
    return published(tmp_path, "zoe", "a", "c", "d")


def listed(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_what_is_shipped(trainer, amira):
    before = listed(trainer)
    shipped = shipping.ship("amira", amira, NAMES, trainer)
    assert (shipped.files, shipped.written, shipped.replaced) == (6, 6, "")
    new = ["256/a.jpg", "256/a.txt", "256/b.jpg", "256/b.txt", *NAMES, shipping.RECORD]
    assert listed(trainer) == sorted([*before, *new])
    assert (trainer / "256/a.jpg").read_bytes() == b"amira a"
    assert os.access(trainer / "train_linux.sh", os.X_OK)


def test_again_writes_nothing(trainer, amira):
    shipping.ship("amira", amira, NAMES, trainer)
    times = {path: path.stat().st_mtime_ns for path in trainer.rglob("*") if path.is_file()}
    assert shipping.ship("amira", amira, NAMES, trainer).written == 0
    assert {path: path.stat().st_mtime_ns for path in trainer.rglob("*") if path.is_file()} == times


def test_another_set_takes_the_place_and_says_so(trainer, amira, zoe):
    shipping.ship("amira", amira, NAMES, trainer)
    assert shipping.ship("zoe", zoe, NAMES, trainer).replaced == "amira"
    assert not (trainer / "256/b.jpg").exists()
    assert (trainer / "256/a.jpg").read_bytes() == b"zoe a"
    assert json.loads((trainer / shipping.RECORD).read_text())["slug"] == "zoe"
    assert (trainer / "config_mine.toml").read_text() == "mine"


@pytest.mark.parametrize("name", ["256/photo.jpg", "256/a.jpg", "config_linux.toml", "256/.hidden", "256/deep/x.jpg"])
def test_a_strangers_file_is_refused_by_name(trainer, amira, name):
    (trainer / name).parent.mkdir(parents=True, exist_ok=True)
    (trainer / name).write_text("precious")
    before = digest_files(trainer, [path for path in trainer.rglob("*") if path.is_file()])
    with pytest.raises(DgopsError, match="files that dgops did not ship") as caught:
        shipping.ship("amira", amira, NAMES, trainer)
    assert "/".join(name.split("/")[:2]) in caught.value.message
    assert digest_files(trainer, [path for path in trainer.rglob("*") if path.is_file()]) == before


def test_a_strangers_file_beside_shipped_ones(trainer, amira, zoe):
    shipping.ship("amira", amira, NAMES, trainer)
    (trainer / "256/mine.jpg").write_text("precious")
    with pytest.raises(DgopsError, match=r"256/mine\.jpg"):
        shipping.ship("zoe", zoe, NAMES, trainer)
    assert (trainer / "256/a.jpg").read_bytes() == b"amira a"


@pytest.mark.parametrize("name", ["256/a.txt", "256/b.txt", "config_linux.toml"])
def test_an_edit_there_is_refused(trainer, amira, zoe, name):
    shipping.ship("amira", amira, NAMES, trainer)
    (trainer / name).write_text("a better caption")
    with pytest.raises(DgopsError, match=f"somebody changed what was shipped.*{name}"):
        shipping.ship("zoe", zoe, NAMES, trainer)
    assert (trainer / name).read_text() == "a better caption"


def test_a_file_that_somebody_removed_is_put_back(trainer, amira):
    shipping.ship("amira", amira, NAMES, trainer)
    (trainer / "256/a.jpg").unlink()
    assert shipping.ship("amira", amira, NAMES, trainer).written == 1


def test_a_lost_record_is_no_reason_to_refuse_equal_bytes(trainer, amira, zoe):
    shipping.ship("amira", amira, NAMES, trainer)
    (trainer / shipping.RECORD).write_text("rubbish")
    with pytest.raises(DgopsError, match="did not ship"):
        shipping.ship("zoe", zoe, NAMES, trainer)
    assert shipping.ship("amira", amira, NAMES, trainer).written == 0
    assert shipping.ship("zoe", zoe, NAMES, trainer).replaced == "amira"


def test_links_are_not_followed(trainer, amira, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (trainer / "256").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DgopsError, match="is no folder that dgops made"):
        shipping.ship("amira", amira, NAMES, trainer)
    (trainer / "256").unlink()
    (trainer / "config_linux.toml").symlink_to(tmp_path / "elsewhere/x")
    with pytest.raises(DgopsError, match=r"did not ship: config_linux\.toml"):
        shipping.ship("amira", amira, NAMES, trainer)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_no_trainer_there(tmp_path, amira):
    with pytest.raises(DgopsError, match="no such folder"):
        shipping.ship("amira", amira, NAMES, tmp_path / "gone")


class Stop(BaseException):
    """Ends a run as a kill would, without a word."""


@pytest.mark.parametrize("call", ["replace", "unlink", "fsync"])
def test_killed_at_any_write_and_continued(tmp_path, amira, zoe, monkeypatch, call):
    for stop in range(1, 60):
        trainer = tmp_path / f"trainer-{call}-{stop}"
        trainer.mkdir()
        shipping.ship("amira", amira, NAMES, trainer)
        ended = _ship_until(monkeypatch, call, stop, zoe, trainer)
        shipping.ship("zoe", zoe, NAMES, trainer)
        expected = sorted([*(path.relative_to(zoe).as_posix() for path in zoe.rglob("*") if path.is_file())])
        assert listed(trainer) == sorted([*expected, shipping.RECORD])
        assert all((trainer / name).read_bytes() == (zoe / name).read_bytes() for name in expected)
        if not ended:
            return
    raise AssertionError("it was never left to end")


def _ship_until(monkeypatch, call, stop, source, trainer):
    """Ship, stopped before the stop-th call; return whether it was stopped."""
    count = 0
    real = getattr(os, call)

    def counted(*arguments, **more):
        nonlocal count
        count += 1
        if count >= stop:
            raise Stop
        return real(*arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(os, call, counted)
        try:
            shipping.ship("zoe", source, NAMES, trainer)
        except Stop:
            return True
    return False


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.binary(max_size=120) | st.sampled_from([b"{}", b"[]", b'{"slug": "a", "files": {"../x": []}}']))
def test_a_rubbish_record_is_none(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("trainer")
    (folder / shipping.RECORD).write_bytes(data)
    assert shipping.load_record(folder).files == {}
