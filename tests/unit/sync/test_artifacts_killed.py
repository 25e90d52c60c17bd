"""Artifacts whose sync is killed: nothing half stands under its name, and the next sync takes what is there by then."""

import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from deadly import Disk, Steps, before, in_child
from volume import Volume, make

from dgops.agent import files
from dgops.jobs import landing
from dgops.sync import artifacts, manifest

LARGE = 200 << 20


def parts(folder):
    return [path for path in folder.rglob(".dgops-*.part") if path.is_file()]


class Gone(Disk):
    """The same, and a rename over what is there."""

    def __getattr__(self, name):
        real = super().__getattr__(name)
        return before(self.step, real) if name in ("replace", "open") else real


def killed(volume, last):
    """Gather in a child that dies at a step; returns whether it came to that."""
    step = Steps(last)

    def work():
        landing.os = Gone(step)
        manifest.write = before(step, manifest.write)
        volume.gather()
        return b"%d" % step.count

    return in_child(work) is None


@pytest.fixture
def volume(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_become", lambda request: None)
    monkeypatch.setattr(artifacts, "SETTLE", 0.0)
    return Volume(tmp_path)


CHANGES = {
    "nothing": lambda volume: None,
    "another": lambda volume: make(volume.there / "last.safetensors", "written anew\n", 30),
    "all anew": lambda volume: [make(volume.there / name, f"{name}, again\n", 30) for name in volume.names],
}


@pytest.mark.parametrize("change", CHANGES)
def test_killed_anywhere_the_next_sync_takes_what_is_there_by_then(volume, change):
    for last in itertools.count(1):
        volume.again()
        made = {name: (volume.there / name).read_bytes() for name in volume.names}
        died = killed(volume, last)
        for path in volume.home.rglob("*") if volume.home.exists() else ():
            name = str(path.relative_to(volume.home))
            assert name not in made or path.read_bytes() == made[name]
        CHANGES[change](volume)
        found = volume.gather()
        assert (found.error, found.skipped) == (None, ()), last
        for name in volume.names:
            assert (volume.home / name).read_bytes() == (volume.there / name).read_bytes(), last
        assert set(manifest.read(volume.home).rows) == set(volume.names)
        assert volume.gather().pulled == ()
        if not died:
            assert last > 6, "there is more to die at"
            return


def test_a_file_of_ones_own_is_left_alone_behind_a_kill_too(volume):
    volume.again()
    assert killed(volume, 6)
    (volume.home / "last.safetensors").write_text("mine\n")
    found = volume.gather()
    assert [path for path, _ in found.skipped] == ["last.safetensors"]
    assert (volume.home / "last.safetensors").read_text() == "mine\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose host is this machine, with the true command line in processes of its own."""
    monkeypatch.setenv("DGOPS_STATE", str(tmp_path / "state"))
    (tmp_path / "inventories/local").mkdir(parents=True)
    (tmp_path / "inventories/local/hosts.yml").write_text(
        json.dumps({"all": {"hosts": {"pod": {"ansible_connection": "local", "user__name": "root"}}}})
    )
    subprocess.run(["git", "init", "-q", tmp_path / "isengard"], check=True, timeout=30)
    (tmp_path / "isengard/.gitignore").write_text("/data/\n")
    (tmp_path / "dgops.toml").write_text(
        f'[[sync.map]]\nname = "volume"\nhost = "pod"\nhost_path = "{tmp_path}/volume"\n'
        'repo = "isengard"\nlocal_path = "data"\nkind = "artifacts"\n'
    )
    large(tmp_path / "volume/model.safetensors", b"first")
    return tmp_path


def large(path, word):
    path.parent.mkdir(exist_ok=True)
    block = hashlib.sha256(word).digest() * (1 << 15)
    with path.open("wb") as stream:
        for _ in range(LARGE // len(block)):
            stream.write(block)
    os.utime(path, (time.time() - 60, time.time() - 60))


def sync(*options):
    return [Path(sys.executable).parent / "dgops", "sync", "--host", "pod", *options]


def kill_in_the_middle(project):
    """Watch until a part of the large file is home, and kill the watch; returns how much there was."""
    home = project / "isengard/data"
    with (project / "said.txt").open("w") as said:
        watching = subprocess.Popen(sync("--watch"), cwd=project, stdout=said, stderr=said)
    try:
        until = time.monotonic() + 120
        while not any(path.stat().st_size > 1 << 20 for path in parts(home)):
            assert watching.poll() is None, (project / "said.txt").read_text()
            assert time.monotonic() < until, (project / "said.txt").read_text()
            time.sleep(0.002)
        # It goes no further from here on.
        watching.send_signal(signal.SIGSTOP)
        (part,) = parts(home)
        assert part.stat().st_size < LARGE
    finally:
        watching.kill()
        watching.wait(30)
    assert not (home / "model.safetensors").exists()
    return part


@pytest.mark.parametrize("how", ["resumed", "written anew", "watched again"])
def test_a_watch_that_is_killed_in_the_middle_of_a_large_file(project, how):
    home, there = project / "isengard/data", project / "volume/model.safetensors"
    part = kill_in_the_middle(project)
    held = part.stat().st_size
    if how == "written anew":
        large(there, b"second")
        os.utime(part, (0, 0))
    elif how == "resumed":
        # What came is not asked for again: it would not be noticed that this is no longer what was sent.
        with part.open("r+b") as stream:
            stream.seek(held - 1)
            last = stream.read(1)
            stream.seek(held - 1)
            stream.write(bytes([last[0] ^ 1]))
        done = subprocess.run(sync(), cwd=project, capture_output=True, text=True, timeout=120)
        assert done.returncode == 1, "a damaged part is no file"
        assert not (home / "model.safetensors").exists()
    if how == "watched again":
        part = kill_in_the_middle(project)
        assert part.stat().st_size >= held
    done = subprocess.run(sync(), cwd=project, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    with (home / "model.safetensors").open("rb") as came, there.open("rb") as made:
        assert hashlib.file_digest(came, "sha256").digest() == hashlib.file_digest(made, "sha256").digest()
    assert parts(home) == []
    assert {path.name for path in home.iterdir()} == {"model.safetensors", manifest.NAME}
