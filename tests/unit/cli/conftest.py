"""The command line at a double whose pods run on paper, and a project with a trainer on this machine as its host."""

import getpass
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from dgops import settings as settings_room
from dgops.cli import pod_card, up_work
from dgops.cli.main import cli
from dgops.errors import DgopsError
from dgops.flows.up_job import Runner
from dgops.health import contract as contracts
from dgops.health.check import Check
from dgops.health.contract import Contract
from dgops.hosts import keyring_store
from dgops.hosts.host import Host
from dgops.jobs import resume, submit
from dgops.jobs.progress import Silent
from dgops.jobs.ready import Ready, deployed

STAND_IN = Path(__file__).parents[2] / "cases/training/tiny.txt"
TRAINING = "kind: train\ntrainer: tiny\nsteps: 20\nsave_every: 5\nresolution: 32\ndataset: outputs/amira\n"


@pytest.fixture
def dgops(double, monkeypatch, tmp_path):
    """Return `dgops(*words)`, which returns exit code, stdout and stderr; raises the errors that main would print."""
    monkeypatch.setenv("DGOPS_RUNPOD_URL", double.url)
    monkeypatch.setenv("RUNPOD_API_KEY", double.server.key)
    monkeypatch.setenv("DGOPS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(pod_card, "LOG_SECONDS", 1.0)
    # Every command would start a process that asks the keyring.
    monkeypatch.setattr(keyring_store, "read", lambda _names: {})
    (tmp_path / "dgops.toml").write_text("")
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA me\n")

    def run(*words):
        done = CliRunner().invoke(cli, words, catch_exceptions=True)
        if isinstance(done.exception, DgopsError):
            raise done.exception
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return run


@pytest.fixture
def place(tmp_path, monkeypatch):
    """This machine as a deployed host, with a trainer's venv whose program is a stand-in, and a published set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "dgops.toml").write_text("")
    for side in ("256", "1024"):
        folder = tmp_path / "outputs/amira/06_publish" / side
        folder.mkdir(parents=True)
        for number in range(4):
            (folder / f"{number}.jpg").write_bytes(bytes([number]))
            (folder / f"{number}.txt").write_text("amiranoor")
    (tmp_path / "outputs/amira/06_publish/trigger_word.txt").write_text("amiranoor")
    (tmp_path / "t.yml").write_text(TRAINING)
    python = tmp_path / "venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {STAND_IN} "$3"\n')
    python.chmod(0o755)
    (tmp_path / "root").mkdir()
    for one in (submit, resume):
        monkeypatch.setattr(
            one, "require_ready", lambda link, _drift=False: Ready(deployed(link.host, link.settings), {})
        )
    found = Place(tmp_path)
    found.deploy("tiny")
    return found


class Place:
    """The project, its one host, and what was said."""

    training = TRAINING

    def __init__(self, root):
        self.root, self.said = root, []
        self.settings = settings_room.load(root)
        self.host = Host("here", "local", variables={"user__name": getpass.getuser()})
        self.runner = Runner(self.settings, Silent(), self.said.append)

    def deploy(self, lock):
        venv = Check("tiny", "its venv", "state", "venv", {"path": str(self.root / "venv"), "lock": f"{lock}.txt"})
        root = str(self.root / "root")
        kept = Contract("here", (venv,), {}, "fast-test", "a1", "now", "me", root, "")
        contracts.save(kept, self.settings.state)

    def work(self, recipe, dataset=""):
        return up_work.work_of(recipe, dataset, self.settings, as_json=False)

    def request(self, work, script):
        """Return the job as it would be submitted, with this interpreter's dgops in the way."""
        env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "SCRIPT": json.dumps(script)}
        return replace(work.request(self.host), env=env, fingerprint=work.fingerprint)
