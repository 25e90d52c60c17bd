"""A host's agent as a controller reaches it: one process a request, with a base and locks of the test's own."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from wheel_house import House

from dgops.agent import jobdir, process

ROOT = Path(__file__).parents[3]
# Tests here share what makes wheels and venvs.
sys.path.insert(0, str(Path(__file__).parent))
OVER = ("succeeded", "failed", "cancelled", "lost")


class AgentHost:
    """The agent, called as over a connection: each request is a process that ends with its answer."""

    def __init__(self, folder):
        self.folder = folder
        self.base = folder / "dgops"
        self.path = os.environ["PATH"]
        self.env = {}
        self.user = "root" if os.geteuid() == 0 else os.environ.get("USER", "")

    def exchange(self, command, request, payload=b""):
        done = subprocess.run(
            [sys.executable, "-m", "dgops.agent", command],
            input=json.dumps(request).encode() + b"\n" + payload,
            capture_output=True,
            timeout=90,
            cwd=ROOT,
            env={"PATH": self.path, "HOME": "/root", **self.env},
            start_new_session=True,
        )
        assert done.returncode == 0, done.stderr.decode()
        line, _, rest = done.stdout.partition(b"\n")
        return json.loads(line), rest

    def call(self, op, **request):
        order = {"op": op, "base": str(self.base), "locks": str(self.folder / "locks"), **request}
        return self.exchange("job", order)[0]

    def spec(self, *argv, **more):
        plain = {"kind": "command", "label": "a test", "cwd": None, "env": {}, "secrets": [], "inputs": []}
        plain |= {"outputs": [], "gpus": None, "resume": None, "created": f"2026-11-21T10:00:{time.time():.6f}Z"}
        return {"id": secrets.token_hex(4), "argv": list(argv), "correlation": secrets.token_hex(4), **plain, **more}

    def submit(self, *argv, mode="fast-test", handed=None, **more):
        order = {"user": self.user, "mode": mode, "spec": self.spec(*argv, **more), "secrets": handed or {}}
        answer = self.call("submit", **order)
        assert "job" in answer, answer
        return answer["job"]["id"]

    def show(self, job):
        return self.call("show", id=job)["job"]

    def follow(self, job, wait=0, limit=1 << 20, **offsets):
        """Return how the job stands, the rows of its streams, and the bytes of each."""
        order = {"base": str(self.base), "id": job, "offsets": offsets, "wait": wait, "limit": limit}
        answer, rest = self.exchange("follow", order)
        pieces = {}
        for name, row in answer["streams"].items():
            pieces[name], rest = rest[: row["length"]], rest[row["length"] :]
        assert rest == b""
        return answer["job"], answer["streams"], pieces

    def wait(self, job, *statuses, seconds=30):
        """Wait until the job has one of the statuses; without any, until it is over."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            # It answers as soon as the job is over, and each look is a process.
            seen, _, _ = self.follow(job, wait=0.5 if statuses else 5)
            if seen["status"] in (statuses or OVER):
                return seen
        raise AssertionError(seen)

    def wait_for_output(self, job, text):
        until = time.monotonic() + 20
        while time.monotonic() < until:
            if text in self.log(job):
                return
            time.sleep(0.05)
        raise AssertionError(self.log(job))

    def directory(self, job):
        return self.base / "jobs" / job

    def log(self, job, name="stdout.log"):
        path = self.directory(job) / name
        return path.read_bytes().decode(errors="replace") if path.exists() else ""

    def events(self, job):
        return [json.loads(line) for line in self.log(job, "events.jsonl").splitlines()]

    def status(self, job):
        return json.loads((self.directory(job) / "status.json").read_text())

    def kill_all(self):
        for folder in (self.base / "jobs").glob("*"):
            keeper = (jobdir.read_json(str(folder / "status.json")) or {}).get("supervisor")
            if process.gone(keeper) is None:
                os.kill(keeper["pid"], signal.SIGKILL)
            process.send(signal.SIGKILL, process.members(folder.name, None))


@pytest.fixture
def agent_host(tmp_path):
    host = AgentHost(tmp_path)
    yield host
    if host.base.exists():
        host.kill_all()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of two megabytes, mounted for the test."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=755", "tmpfs", str(folder)]
    mounted = subprocess.run(argv, capture_output=True, text=True, timeout=10)
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True, timeout=10)


@pytest.fixture
def fill():
    """Take what room a small disk has, by a file named filler."""

    def until_full(folder):
        with (folder / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while filler.write(bytes(4096)):
                pass

    return until_full


@pytest.fixture
def house(tmp_path):
    """A wheel cache, an index on the loopback, and the agent."""
    made = House(tmp_path / "house")
    yield made
    made.close()


@pytest.fixture
def in_user_space():
    """Return `in_user_space(target)`: a real FUSE mount at a new folder, as network volumes are; gone afterwards."""
    program = shutil.which("bindfs")
    if program is None or os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("a FUSE mount needs root, /dev/fuse and bindfs (apt-get install bindfs)")
    mounted = []

    def mount(target):
        behind = target.with_name(target.name + "-behind")
        behind.mkdir()
        target.mkdir()
        subprocess.run([program, behind, target], check=True, timeout=20)
        mounted.append(target)
        return target

    yield mount
    for target in mounted:
        subprocess.run(["umount", target], check=True, timeout=20)
