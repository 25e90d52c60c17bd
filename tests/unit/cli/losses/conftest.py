"""Light pods for the double, and a person's project beside them."""

import shutil
import sys
from pathlib import Path

import pytest

from dgops.cli import pod_card
from dgops.deploy.events import Failure
from dgops.deploy.result import HostResult
from dgops.errors import DgopsError
from dgops.flows import up, up_job
from dgops.health import contract as contracts
from dgops.hosts import keyring_store, source
from dgops.jobs import early, link
from dgops.pods import access, create, inventory_age, inventory_view, ready
from dgops.pods import inventory as listing
from dgops.pods.runpod import session
from dgops.sandbox.runpod import cloud as clouds
from dgops.settings import load
from dgops.transport import agent, ssh

sys.path.insert(0, str(Path(__file__).parent))

from boxes import Boxes, Nursery, Way, shown
from keepsakes import FOLDER, RECIPE, TRAIN
from pod_world import NAME, World

MAP = {"name": "api", "host": NAME, "host_path": "/app/api", "repo": "isengard", "local_path": FOLDER}
VARIABLES = {"user__name": "root", "dgops_mode": "fast-test", "persistent_root": "/workspace"}


def deployed(wish, settings, _watcher):
    """Stand in for Ansible, which would change this machine: home's contract is written, and the pod's copy."""
    found = {}
    for host in wish.hosts:
        contract = contracts.read(settings.state, host.name)
        try:
            transport = ssh.open_ssh(host, settings)
            try:
                agent.call(transport, "marker", {"contract": contracts.to_json(contract)})
            finally:
                transport.close()
            found[host.name] = HostResult(host.name, "unchanged", 0.0)
        except DgopsError as error:
            found[host.name] = HostResult(host.name, "unreachable", 0.0, failure=Failure("", "look", error.message, ""))
    return found


def told(folder, settings):
    """Answer as the script of the inventory does, in this process."""
    answer = listing.listed(settings, inventory_view.look(settings))
    for known in answer["_meta"]["hostvars"].values():
        known.update(VARIABLES)
    return source._listing(folder, answer)


@pytest.fixture(scope="module")
def nursery(tmp_path_factory):
    made = Nursery(tmp_path_factory.mktemp("nursery"))
    yield made
    made.close()


@pytest.fixture
def world(double, nursery, tmp_path, monkeypatch, request):
    """Return a world whose number, where a test gives none, is 0."""
    machines, boxes = double.cloud.machines, Boxes(nursery, tmp_path)
    double.cloud.machines = boxes
    for room, name, value in (
        (ready, "PAUSE", 0.02),
        (create, "PAUSE", 0.01),
        (pod_card, "LOG_SECONDS", 1.0),
        (session, "NOBODY", 0.2),
        (clouds, "STOP_SECONDS", 0.01),
        (inventory_age, "LIFE", 0.2),
        (inventory_age, "SOON", 0.03),
        (early, "PAUSE", 0.1),
        (up_job, "PATIENCE", 0.5),
        (up_job, "PAUSE", 0.05),
        (link, "PATIENCE", 0.5),
        (link, "FIRST_PAUSE", 0.05),
        (up, "deploy", deployed),
        (source, "read", told),
        (access, "scan", shown),
        (ssh, "open_ssh", Way),
        # Every command would start a process that asks the keyring.
        (keyring_store, "read", lambda _names: {}),
    ):
        monkeypatch.setattr(room, name, value)
    for name, value in (("RUNPOD_URL", double.url), ("STATE", str(tmp_path / "state")), ("MODE", "fast-test")):
        monkeypatch.setenv(f"DGOPS_{name}", value)
    monkeypatch.setenv("RUNPOD_API_KEY", double.server.key)
    rows = "".join(f'{key} = "{text}"\n' for key, text in MAP.items())
    (tmp_path / "dgops.toml").write_text(f"[[sync.map]]\n{rows}[pods]\nidle_minutes = 180\n")
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA me\n")
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "train.yml").write_text(RECIPE)
    (tmp_path / "inventories/runpod").mkdir(parents=True)
    (tmp_path / "inventories/runpod/hosts.py").write_text("")
    contracts.save(contracts.Contract(NAME, (), {}, "fast-test", "a1", "now", "me", "/workspace", ""), load().state)
    made = World(double, boxes, tmp_path, getattr(request, "param", 0))
    yield made
    print(*made.story, sep="\n")
    for pod_id in list(boxes.firsts):
        boxes.stop(pod_id, 0)
    double.cloud.machines = machines
    shutil.rmtree(tmp_path / "disks", ignore_errors=True)
