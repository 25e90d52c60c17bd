"""A build's order of things: refusals first, and a file that is there whole or not at all."""

from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from dgops import settings as settings_room
from dgops.deploy.events import Failure
from dgops.deploy.result import HostResult
from dgops.errors import DgopsError, UsageError
from dgops.images import build as building
from dgops.images import place
from dgops.images.build import Order, build
from dgops.images.source import Commit

COMMIT = Commit("a1b2c3d4" * 5, 1_700_000_000)


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """Everything but the real container and the real deploy; what each step does may be replaced."""
    (tmp_path / "dgops.toml").write_text("")
    acts = SimpleNamespace(result=HostResult(place.NAME, "changed", 1.0), commits=[COMMIT, COMMIT], went=[])

    def exported(there, report):
        root = tmp_path / "root"
        for name in ("etc/apt", "usr/share/doc/apt/examples", "tmp", "var/tmp"):
            (root / name).mkdir(parents=True)
        (root / "usr/share/doc/apt/examples/sources.list").write_text("deb http://m.example/debian bookworm main\n")
        for name in ("shadow", "gshadow"):
            (root / "etc" / name).write_text("root:*:1::::::\n")
        return root

    @contextmanager
    def started(kind, variables, settings, report):
        acts.went.append("started")
        try:
            yield SimpleNamespace(settings=settings, run=lambda script, timeout: "git 1\n", work=tmp_path)
        finally:
            acts.went.append("gone")

    host = SimpleNamespace(select=lambda name: [name])
    monkeypatch.setattr(place, "started", started)
    monkeypatch.setattr(building, "_exported", exported)
    monkeypatch.setattr(building, "clean_commit", lambda: acts.commits.pop(0))
    monkeypatch.setattr(building, "deploy", lambda wish, settings, watcher: {place.NAME: acts.result})
    monkeypatch.setattr(building.inventory, "load", lambda settings: host)
    acts.build = lambda **order: build(
        Order(**{"kind": "wsl", **order}), settings_room.load(tmp_path), None, lambda line: None
    )
    return acts


def test_the_file_lies_in_dist_under_its_commit(stage, tmp_path):
    built = stage.build()
    assert built.path == tmp_path / "dist/dgops-a1b2c3d.wsl"
    assert built.size == built.path.stat().st_size
    assert built.manifest["packages"] == {"git": "1"}
    assert [path.name for path in built.path.parent.iterdir()] == [built.path.name]
    assert built.path.stat().st_mode & 0o777 == 0o644
    assert stage.went == ["started", "gone"]


def test_pod_and_sandbox_have_their_names(stage, tmp_path):
    assert stage.build(kind="pod").path.name == "dgops-a1b2c3d-pod.oci.tar"


def test_a_folder_is_no_file(stage, tmp_path):
    with pytest.raises(UsageError, match="is a folder"):
        stage.build(out=tmp_path)
    assert stage.went == []


def test_roles_that_fail_make_no_image(stage, tmp_path):
    stage.result = HostResult(
        place.NAME, "failed", 1.0, failure=Failure("base", "Install packages", "no mirror", "wait")
    )
    with pytest.raises(DgopsError, match="base: Install packages: no mirror") as caught:
        stage.build()
    assert caught.value.hint == "wait"
    assert not (tmp_path / "dist").exists()
    assert stage.went == ["started", "gone"]


def test_a_tree_that_moves_on_during_the_build_makes_no_image(stage, tmp_path):
    stage.commits[1] = Commit("b" * 40, 1)
    with pytest.raises(DgopsError, match="left commit a1b2c3d during the build"):
        stage.build()
    assert not (tmp_path / "dist").exists()


ENDS = [
    (OSError(28, "No space left on device"), DgopsError, r"x\.wsl could not be written: No space left"),
    (KeyboardInterrupt("stop"), KeyboardInterrupt, "stop"),
]


@pytest.mark.parametrize(("error", "kind", "words"), ENDS, ids=["disk full", "interrupted"])
def test_half_a_file_never_stays(stage, tmp_path, monkeypatch, error, kind, words):
    out = tmp_path / "dist/x.wsl"
    out.parent.mkdir()
    out.write_text("the one before")

    def fail(root, part, epoch):
        Path(part).write_text("half")
        raise error

    monkeypatch.setattr(building, "pack", fail)
    with pytest.raises(kind, match=words):
        stage.build(out=out)
    assert [path.name for path in out.parent.iterdir()] == ["x.wsl"]
    assert out.read_text() == "the one before"
