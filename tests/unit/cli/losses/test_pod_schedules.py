"""Random faults, kills and interrupts: nothing is billed that nobody here knows of, and no status is untrue."""

import json
import random
import socket
import threading

import pytest
from chances import DEAD, FAULTS, NOTHING, SCHEDULES, STEPS
from click.testing import CliRunner

from dgops.cli import pod_card
from dgops.cli.main import cli
from dgops.errors import DgopsError, UnreachableError
from dgops.hosts import keyring_store
from dgops.pods import access, create, ready
from dgops.pods.runpod import session
from dgops.sandbox.runpod.cloud import NEVER

NAMES = ("one", "two")


class Killed(BaseException):
    """What ends a process on the spot: nobody handles it."""


class Greeting:
    """Machines whose port greets with the id of its pod: whoever knocks at another's door learns so."""

    def __init__(self):
        self.doors = {}

    def start(self, pod, slow):
        listener = socket.create_server((pod.ip, 0))
        port = listener.getsockname()[1]
        if slow >= NEVER:
            listener.close()
            return port
        self.doors[pod.id] = listener
        threading.Thread(target=greet, args=(listener, pod.id), daemon=True).start()
        return port

    def stop(self, pod_id, grace):
        door = self.doors.pop(pod_id, None)
        if door:
            # A thread that waits in accept holds the port until it is woken.
            door.shutdown(socket.SHUT_RDWR)
            door.close()

    def remove(self, pod):
        self.stop(pod.id, 0)

    def log(self, pod_id):
        return [("2026-06-01T12:00:00Z", f"256 SHA256:{'a' * 43} root@{pod_id} (ED25519)")]


def greet(listener, pod_id):
    while True:
        try:
            link, _ = listener.accept()
        except OSError:
            return
        with link:
            link.sendall(f"SSH-2.0-{pod_id}\r\n".encode())


def enter(_door, pod):
    with socket.create_connection((pod.ssh.host, pod.ssh.port), timeout=5) as link:
        if pod.id not in link.recv(64).decode():
            raise UnreachableError("another pod answers there")


class World:
    """A person at the command line, the double, and what must be true whatever happened."""

    def __init__(self, double, monkeypatch, seed):
        self.double, self.random = double, random.Random(seed)
        self.by_us, self.story = set(), []
        self.cut = None
        monkeypatch.setattr(session.Session, "call", self.wrapped(session.Session.call))

    def wrapped(self, honest):
        def call(asking, *words, **more):
            blow, self.cut = self.cut, None
            if blow and blow[0]:
                self.cut = (blow[0] - 1, *blow[1:])
                blow = None
            if blow and blow[1] == "before":
                raise blow[2]
            answer = honest(asking, *words, **more)
            if blow:
                raise blow[2]
            return answer

        return call

    def dgops(self, *words, cut=None):
        """Run a command; returns its exit code (None where it was ended) and what it printed."""
        self.cut = cut
        self.story.append(
            (words[1:3], cut, {key: left for key, left in self.double.cloud.faults.view().items() if left})
        )
        try:
            done = CliRunner().invoke(cli, words)
        except (Killed, KeyboardInterrupt):
            return None, ""
        finally:
            self.cut = None
        if isinstance(done.exception, DgopsError):
            return done.exception.exit_code, ""
        # Click makes an exit of its own of Ctrl-C.
        self.said = done.output, done.exception
        assert done.exception is None or isinstance(done.exception, SystemExit), self.story
        return done.exit_code, done.stdout

    def step(self):
        self.double.cloud.faults.set(NOTHING | self.random.choice((*FAULTS, *DEAD)))
        name = self.random.choice(NAMES)
        there = [pod for pod in self.double.cloud.pods.values() if pod.body["name"] == f"dgops-{name}"]
        move = self.random.choice(("create", "create", "create", "happen", "happen", "stop", "start", "terminate"))
        cut = None
        if self.random.random() < 0.4:
            # A create asks for what there is first: the calls that matter come third and later.
            call = self.random.randrange(2, 6) if move == "create" else self.random.randrange(3)
            cut = (call, self.random.choice(("before", "after")), self.random.choice(ENDS)())
        if move == "happen" and there:
            self.happen(there[0])
        elif move == "create":
            self.create(name, there, cut)
        else:
            words = () if move in ("stop", "terminate", "happen") else ("--wait", "5")
            ids = {pod.id for pod in there}
            before = {pod.id: pod.status for pod in there}
            self.dgops("pod", move if move != "happen" else "show", name, *words, cut=cut)
            for pod in (self.double.cloud.pods.get(one) for one in ids):
                if move == "stop" and pod and (pod.status, before[pod.id]) != ("EXITED", "EXITED"):
                    self.by_us |= {pod.id} if pod.status == "EXITED" else set()
                if move == "start" and pod and pod.status != "EXITED":
                    self.by_us -= {pod.id}
        self.double.cloud.faults.set(NOTHING)
        self.quiet()

    def create(self, name, there, cut):
        spot = ("--spot",) if self.random.random() < 0.5 else ()
        argv = ("--gpu", "RTX 4090,L40S,RTX A4000", "--env", "cu121", "--key", "key.pub", "--wait", "1.5", *spot)
        troubled = any(self.double.cloud.faults.view()[key] for key in ("errors", "throttled", "fail_after_create"))
        code, _ = self.dgops("pod", "create", name, *argv, cut=cut)
        if cut and isinstance(cut[2], KeyboardInterrupt) and code is None and not there and not troubled:
            left = [pod for pod in self.double.cloud.pods.values() if pod.body["name"] == f"dgops-{name}"]
            assert not left, self.story

    def happen(self, pod):
        what = self.random.choice(("evict", "migrate", "balance"))
        self.story.append((what, pod.id))
        if what == "balance":
            self.double.cloud.set_balance(0.0)
            self.double.cloud.balance = 100.0
        elif what == "migrate":
            self.double.cloud.migrate(pod.id)
        elif pod.is_billed:
            self.double.cloud.stop(pod.id, 0)
            self.by_us -= {pod.id}

    def quiet(self):
        """Let what is under way come to its end."""
        for pod in list(self.double.cloud.pods.values()):
            if pod.status in ("PROVISIONING", "STARTING"):
                self.double.settle(pod.id)

    def judge(self):
        """Hold what is said against what is."""
        code, out = self.dgops("pod", "list", "--json")
        assert code == 0, self.story
        listed = {one["id"]: one for one in json.loads(out)["pods"]}
        pods = self.double.cloud.pods
        assert set(listed) == set(pods), self.story
        for pod_id, pod in pods.items():
            assert listed[pod_id]["state"] == self.truth(pod), (self.story, pod, listed[pod_id])
        billing = set(self.double.cloud.ledger()["billing"])
        code, out = self.dgops("pod", "reconcile", "--json")
        found = json.loads(out)
        known = {one["id"] for kind in ("known", "adopted", "moved") for one in found[kind]}
        assert (code, found["strangers"]) == (0, []), (self.story, out)
        assert billing <= known, self.story

    def truth(self, pod):
        if pod.status == "EXITED" and pod.bid and pod.id not in self.by_us:
            return "outbid"
        if pod.status == "RUNNING" and not pod.gpus:
            return "no GPU"
        return {"EXITED": "stopped", "RUNNING": "running"}[pod.status]


ENDS = (Killed, KeyboardInterrupt)


@pytest.fixture
def soon(monkeypatch, double, tmp_path):
    machines, double.cloud.machines = double.cloud.machines, Greeting()
    for room, name, value in (
        (ready, "PAUSE", 0.05),
        (create, "PAUSE", 0.01),
        (pod_card, "LOG_SECONDS", 1.0),
        (session, "NOBODY", 0.2),
    ):
        monkeypatch.setattr(room, name, value)
    monkeypatch.setattr(access.Door, "enter", enter)
    # Every command would start a process that asks the keyring.
    monkeypatch.setattr(keyring_store, "read", lambda _names: {})
    for name, value in (("RUNPOD_URL", double.url), ("STATE", str(tmp_path / "state")), ("MODE", "fast-test")):
        monkeypatch.setenv(f"DGOPS_{name}", value)
    monkeypatch.setenv("RUNPOD_API_KEY", double.server.key)
    (tmp_path / "dgops.toml").write_text("")
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA me\n")
    yield
    for pod_id in list(double.cloud.machines.doors):
        double.cloud.machines.stop(pod_id, 0)
    double.cloud.machines = machines


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("seed", SCHEDULES)
def test_nothing_is_lost_sight_of(double, monkeypatch, seed):
    world = World(double, monkeypatch, seed)
    for _ in range(STEPS):
        world.step()
        world.judge()
    for pod in list(double.cloud.pods.values()):
        name = pod.body["name"].removeprefix("dgops-")
        assert world.dgops("pod", "terminate", name)[0] == 0, world.story
    assert double.cloud.ledger()["billing"] == []
    assert world.dgops("pod", "list", "--json")[0] == 0
