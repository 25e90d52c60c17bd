"""This machine as a host with ComfyUI: the real agent and jobs, and the stand-in server that end-to-end tests use."""

import getpass
import shlex
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from dgops import settings as settings_room
from dgops.generation.comfyui import start as starting
from dgops.health import contract as contracts
from dgops.health.check import Check
from dgops.health.contract import Contract
from dgops.hosts.host import Host
from dgops.jobs import submit
from dgops.jobs.ready import Ready

sys.path.insert(0, str(Path(__file__).parent))

STAND_IN = Path(__file__).parents[3] / "e2e/comfyui"


@dataclass
class Place:
    """A host, the settings that it was deployed by, and what its launcher runs."""

    host: Host
    settings: object
    launcher: Path
    port: int
    root: Path

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def launch(self, script):
        """Let the launcher run a script of the shell."""
        self.launcher.write_text(f"#!/bin/sh\n{script}\n")
        self.launcher.chmod(0o755)

    def wants(self, *nodes):
        """Keep a contract that asks for these node classes."""
        wanted = {"url": self.url, "nodes": list(nodes)}
        check = Check("comfyui", "ComfyUI answers", "live", "comfyui", wanted)
        kept = Contract("here", (check,), {}, "fast-test", "a1", "now", "me", str(self.root), "")
        contracts.save(kept, self.settings.state)
        return kept


@pytest.fixture
def place(tmp_path, monkeypatch):
    settings = settings_room.load()
    root, user = tmp_path / "root", tmp_path / "user"
    root.mkdir()
    user.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    (tmp_path / "main.py").write_text((STAND_IN / "main.py").read_text())
    (tmp_path / "extra_model_paths.yaml").write_text("dgops:\n  base_path: /nowhere\n")
    host = Host("here", "local", variables={"user__name": getpass.getuser()})
    found = Place(host, settings, tmp_path / "launcher", port, root)
    kept = found.wants("KSampler")
    monkeypatch.setattr(starting, "LAUNCHER", str(found.launcher))
    monkeypatch.setattr(starting, "PAUSE", 0.05)
    monkeypatch.setattr(submit, "require_ready", lambda link, allow_drift: Ready(kept, {}))
    program = [sys.executable, str(tmp_path / "main.py"), "--port", str(port), "--database-url", f"sqlite:///{user}/db"]
    # As the real launcher does: two would fight for the port.
    lock = shlex.quote(str(tmp_path / "lock"))
    found.launch(f'exec 9>{lock}; flock -n 9 || exit 75; exec {shlex.join(program)} "$@"')
    yield found
    starting.stop(host, settings)
