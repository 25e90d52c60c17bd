"""This machine as a host: the real agent, run as a process, with folders of its own."""

import getpass
import json

import pytest

from dgops import settings as settings_room
from dgops.files import digest_bytes
from dgops.health import contract as contracts
from dgops.health.contract import Contract
from dgops.hosts.host import Host
from dgops.hosts.inventory import Inventory
from dgops.jobs import ready, submit
from dgops.jobs.link import Link


class Heard:
    """A watcher that remembers."""

    def __init__(self):
        self.messages, self.texts, self.events, self.moves, self.views = [], {}, [], [], []
        self.moved = self.spec = self.job = None

    def told(self, message):
        self.messages.append(message)

    def begins(self, host, spec):
        self.spec = spec

    def moving(self, what, done, size):
        self.moves.append((what, done, size))

    def uploaded(self, moved):
        self.moved = moved

    def submitted(self, job):
        self.job = job

    def wrote(self, stream, text):
        self.texts[stream] = self.texts.get(stream, "") + text

    def happened(self, event):
        self.events.append(event)

    def stands(self, job):
        self.views.append(job.status)


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def settings():
    return settings_room.load()


@pytest.fixture
def here(tmp_path, settings):
    """Return this machine as a host that was deployed from here."""
    host = Host("here", "local", variables={"user__name": getpass.getuser()})
    root = tmp_path / "root"
    root.mkdir()
    contracts.save(Contract("here", (), {}, "fast-test", "a1", "now", "me", str(root), ""), settings.state)
    return host


@pytest.fixture
def base(tmp_path):
    return str(tmp_path / "root/dgops")


@pytest.fixture
def link(here, settings, heard):
    with Link(here, settings, heard.told, patience=2.0) as found:
        yield found


@pytest.fixture
def user():
    return getpass.getuser()


VIEW = {"id": "0123abcd", "status": "succeeded"}


@pytest.fixture
def scripted(settings):
    """Return `scripted(name, *views, deployed=True, **answer)`: a host that answers each question with one thing."""

    def make(name, *views, deployed=True, **answer):
        if deployed:
            contracts.save(Contract(name, (), {}, "fast-test", "a1", "now", "me", "/workspace/", ""), settings.state)
        row = {"argv": ["sh"], "stdout": json.dumps({"jobs": list(views)}), **answer}
        return Host(name, "fake", variables={"dgops_fake_answers": [row]})

    return make


@pytest.fixture
def three(scripted):
    """Return an inventory: a host with a job among rubbish, one that is gone, one that was never deployed."""
    hosts = (
        scripted("one", VIEW, {"id": "damaged"}, 7),
        scripted("gone", unreachable="no route"),
        scripted("never", VIEW, deployed=False),
    )
    return Inventory({one.name: one for one in hosts}, {})


class Liar:
    """A host that offers what it likes."""

    host = Host("pod")

    def __init__(self, files, content=b"x"):
        self.files, self.content = files, content

    def exchange(self, command, request, payload=b"", *, timeout=300.0):
        if request["op"] == "digest":
            return {"files": self.files}, b""
        return {"lengths": [len(self.content) for _ in request["files"]]}, self.content * len(request["files"])


ROW = {"size": 1, "sha256": digest_bytes(b"x"), "mode": 0o644}


@pytest.fixture
def liar():
    """Return `liar(files, content=b"x")`: a link to a host that offers what it likes."""
    return Liar


@pytest.fixture
def look_away(monkeypatch, settings):
    """Take the contract as held: what it says is not on this machine."""

    def seen(link, allow_drift):
        drifted = {"holds": False, "findings": ["x.py was added"], "count": 3}
        return ready.Ready(ready.deployed(link.host, link.settings), {"/v": drifted} if allow_drift else {})

    monkeypatch.setattr(submit, "require_ready", seen)
