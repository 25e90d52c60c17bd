import os
from dataclasses import replace

import pytest

from dgops.errors import DgopsError
from dgops.sandbox.containers import rootfs

RECIPE = rootfs.Recipe("bookworm", ("deb http://mirror.example/debian bookworm main",), {"etc/x": "1"})


def test_every_part_of_the_recipe_counts():
    others = [
        replace(RECIPE, suite="trixie"),
        replace(RECIPE, sources=()),
        replace(RECIPE, overlay={"etc/x": "2"}),
        replace(RECIPE, packages=("sudo",)),
        replace(RECIPE, hooks=()),
    ]
    assert len({recipe.digest for recipe in [RECIPE, *others]}) == 6
    assert replace(RECIPE).digest == RECIPE.digest


def test_a_kept_tar_is_used_and_a_half_made_one_is_not(tmp_path, monkeypatch):
    built = []

    def make(recipe, work, descriptor, report):
        built.append(recipe)
        (work / "rootfs.tar").write_text("whole")

    monkeypatch.setattr(rootfs, "_debootstrap", make)
    half = tmp_path / f"bookworm-{RECIPE.digest}.tar.work"
    half.mkdir()
    (half / "rootfs.tar").write_text("hal")
    tar = rootfs.build(RECIPE, tmp_path, print)
    assert tar.read_text() == "whole"
    assert not half.exists()
    assert rootfs.build(RECIPE, tmp_path, print) == tar
    assert len(built) == 1


def test_a_build_that_fails_leaves_nothing_believed(tmp_path, monkeypatch):
    fake = tmp_path / "bin" / "mmdebstrap"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\necho "I: running apt-get update..." >&2\necho "E: no mirror" >&2\nexit 1\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    lines = []
    with pytest.raises(DgopsError, match=r"building the base image bookworm failed: E: no mirror"):
        rootfs.build(RECIPE, tmp_path / "cache", lines.append)
    assert lines == ["base image bookworm: running apt-get update..."]
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]


def test_without_mmdebstrap_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DgopsError, match="mmdebstrap is not installed") as caught:
        rootfs.build(RECIPE, tmp_path / "cache", print)
    assert "apt-get install" in caught.value.hint
