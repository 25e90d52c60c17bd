"""Rented pods as Ansible lists them: groups, who is ready, and what happens when nobody answers."""

import base64
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from dgops import settings as settings_room
from dgops.errors import UnreachableError
from dgops.hosts import inventory as inventories
from dgops.pods import access, inventory_age, inventory_view
from dgops.pods import inventory as room
from dgops.pods.account import intents_of
from dgops.transport.connect import connect
from dgops.transport.known_hosts import KnownHosts, fingerprint

SCRIPT = Path(__file__).parents[3] / "inventories" / "runpod" / "hosts.py"


def host_key(letter):
    blob = struct.pack(">I", 11) + b"ssh-ed25519" + struct.pack(">I", 32) + letter.encode() * 32
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


@pytest.fixture
def place(double, provider, tmp_path, monkeypatch):
    """A project before a double whose pods print and show a key each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DGOPS_RUNPOD_URL", double.url)
    monkeypatch.setenv("RUNPOD_API_KEY", double.server.key)
    monkeypatch.delenv("DGOPS_INVENTORY_UNTIL", raising=False)
    (tmp_path / "dgops.toml").write_text("")
    double.shown = [host_key("a")]
    double.cloud.machines.lines = [("t", f"256 {fingerprint(host_key('a'))} root@pod (ED25519)"), ("t", "started")]
    monkeypatch.setattr(access, "scan", lambda address, port, timeout: double.shown)
    double.settings = settings_room.load(tmp_path)
    double.known = KnownHosts(double.settings.state / "known_hosts")
    return double


def listing(capsys, *argv):
    assert room.main(argv or ["--list"], Path.cwd()) == 0
    out, err = capsys.readouterr()
    return json.loads(out), err


def later(place):
    """Let the view grow old."""
    inventory_age.expire(place.settings)


def test_a_ready_pod_is_a_host_with_a_pinned_key(place, capsys):
    pod = place.rent(name="dgops-gadget")
    found, err = listing(capsys)
    host = found["_meta"]["hostvars"]["gadget"]
    assert (err, host["runpod_id"], host["ansible_host"], host["ansible_user"]) == ("", pod, "127.0.0.1", "root")
    assert f"-o HostKeyAlias=runpod-{pod} " in host["ansible_ssh_common_args"]
    assert "-o StrictHostKeyChecking=yes" in host["ansible_ssh_common_args"]
    assert str(place.settings.state / "known_hosts") in host["ansible_ssh_common_args"]
    assert (host["persistent_root"], host["runpod_ephemeral"]) == ("/workspace", False)
    assert host["runpod_limits"] == ""
    groups = {name for name, group in found.items() if "gadget" in group.get("hosts", ())}
    card = {"runpod_gpu_rtx_4090", "runpod_cloud_secure", f"runpod_dc_{room.slug(host['runpod_data_center'])}"}
    assert groups == {"runpod", "pods", "runpod_running", *card}
    assert place.known.keys(f"runpod-{pod}") == [host_key("a")]
    assert listing(capsys, "--host", "gadget")[0] == host
    assert listing(capsys, "--host", "nobody")[0] == {}


def test_a_stopped_pod_has_nothing_to_connect_to(place, capsys, provider):
    pod = place.rent(name="dgops-gadget")
    listing(capsys)
    provider.stop(pod)
    later(place)
    found, _ = listing(capsys)
    host = found["_meta"]["hostvars"]["gadget"]
    assert not [key for key in host if key.startswith("ansible_")]
    assert "gadget" in found["runpod_not_ready"]["hosts"]
    assert "gadget" in found["runpod_exited"]["hosts"]
    assert "pods" not in found


def test_another_key_than_the_log_tells_of_is_never_pinned(place, capsys):
    pod = place.rent(name="dgops-gadget")
    place.shown = [host_key("b")]
    found, _ = listing(capsys)
    assert found["runpod_not_ready"]["hosts"] == ["gadget"]
    assert "names none of the host keys" in found["_meta"]["hostvars"]["gadget"]["runpod_away"]
    assert place.known.keys(f"runpod-{pod}") == []


def test_a_new_start_is_bound_anew(place, capsys, provider, monkeypatch):
    pod = place.rent(name="dgops-gadget")
    first = listing(capsys)[0]["_meta"]["hostvars"]["gadget"]
    provider.stop(pod)
    # The double tells time in whole seconds.
    monkeypatch.setattr(place.cloud, "clock", lambda: 2e9)
    provider.start(pod)
    place.settle(pod)
    place.shown = [host_key("c")]
    later(place)
    away = listing(capsys)[0]["_meta"]["hostvars"]["gadget"]
    assert away["runpod_away"]
    assert "ansible_host" not in away
    place.cloud.machines.lines = [("t", f"256 {fingerprint(host_key('c'))} root@pod (ED25519)"), ("t", "started")]
    later(place)
    host = listing(capsys)[0]["_meta"]["hostvars"]["gadget"]
    assert host["ansible_port"] != first["ansible_port"]
    assert place.known.keys(f"runpod-{pod}") == [host_key("c")]
    provider.terminate(pod)
    later(place)
    assert listing(capsys)[0]["_meta"]["hostvars"] == {}
    assert place.known.keys(f"runpod-{pod}") == []


def test_the_key_that_opens_it_is_named(place, capsys):
    pod = place.rent(name="dgops-gadget")
    (place.settings.root / "id").write_text("x")
    intents_of(place.settings).note("gadget", pod_id=pod, identity=str(place.settings.root / "id"))
    host = listing(capsys)[0]["_meta"]["hostvars"]["gadget"]
    assert host["ansible_ssh_private_key_file"] == str(place.settings.root / "id")
    assert "IdentitiesOnly=yes" in host["ansible_ssh_common_args"]


def test_it_is_not_asked_at_each_look(place, capsys):
    place.rent(name="dgops-gadget")
    listing(capsys)
    place.rent(name="dgops-other")
    assert list(listing(capsys)[0]["_meta"]["hostvars"]) == ["gadget"]
    later(place)
    assert sorted(listing(capsys)[0]["_meta"]["hostvars"]) == ["gadget", "other"]


def test_nobody_answers(place, capsys):
    place.rent(name="dgops-gadget")
    host = listing(capsys)[0]["_meta"]["hostvars"]["gadget"]
    later(place)
    place.cloud.faults.set({"errors": 1000})
    inventory_view.PATIENCE, patience = 1.0, inventory_view.PATIENCE
    try:
        found, err = listing(capsys)
    finally:
        inventory_view.PATIENCE = patience
    assert found["_meta"]["hostvars"]["gadget"] == host
    assert found["runpod_cached"]["hosts"] == ["gadget"]
    assert "s ago" in err


def test_without_a_key_there_are_no_pods_and_it_is_no_error(place, capsys, monkeypatch):
    monkeypatch.delenv("RUNPOD_API_KEY")
    found, err = listing(capsys)
    assert found == {"_meta": {"hostvars": {}}, "runpod": {"hosts": []}}
    assert "RUNPOD_API_KEY" in err


def test_names_that_clash_or_are_none_become_ids(place, capsys):
    first, second = place.rent(name="dgops-gadget"), place.rent(name="gadget")
    odd, group = place.rent(name="my pod; x"), place.rent(name="dgops-runpod")
    place_of = place.settings.root / "inventories" / "local"
    place_of.mkdir(parents=True)
    (place_of / "mine.yml").write_text("all: {hosts: {mine: {ansible_host: 192.0.2.1}}}\n")
    mine = place.rent(name="dgops-mine")
    hosts = listing(capsys)[0]["_meta"]["hostvars"]
    assert set(hosts) == {"gadget", second, odd, group, mine}
    assert hosts["gadget"]["runpod_id"] == first


def test_dgops_reads_it_by_the_script_and_believes_it_for_a_while(place, monkeypatch):
    folder = place.settings.root / "inventories" / "runpod"
    folder.mkdir(parents=True)
    (folder / "hosts.py").write_text(SCRIPT.read_text())
    (folder / "hosts.py").chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    pod = place.rent(name="dgops-gadget")
    assert "gadget" not in inventories.load(place.settings).hosts
    intents_of(place.settings).confirm("gadget", pod)
    # The script is a process of its own, which really scans: nobody answers on paper.
    host = inventories.load(place.settings).hosts["gadget"]
    assert host.alias == f"runpod-{pod}"
    assert "is not trusted" in host.away
    with pytest.raises(UnreachableError, match="is not trusted"):
        connect(host, place.settings)
    monkeypatch.setattr(subprocess, "run", None)
    assert inventories.load(place.settings).hosts["gadget"].away == host.away
