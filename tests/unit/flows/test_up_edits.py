"""Edits of a pod that comes and goes: folders that were never synced from here are left to their owner."""

import json
import subprocess

import pytest

from dgops import settings as settings_room
from dgops.flows.up_edits import bring_home
from dgops.hosts.host import Host

HOST = Host("pod", "local", variables={"user__name": "root"})


def test_a_host_without_maps_is_left_alone(tmp_path):
    (tmp_path / "dgops.toml").write_text("")
    assert bring_home(HOST, settings_room.load(tmp_path), pytest.fail) == []


def test_folders_that_never_were_synced_are_told_and_left_to_their_owner(tmp_path):
    repo = tmp_path / "repo"
    repo.mkdir()
    subprocess.run(["git", "-C", repo, "init", "--quiet", "--initial-branch=main"], check=True, timeout=60)
    keys = {"name": "api", "host": "pod", "host_path": str(tmp_path / "app"), "repo": "repo", "local_path": "api"}
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
    (tmp_path / "dgops.toml").write_text(f"[[sync.map]]\n{text}")
    said = []
    assert bring_home(HOST, settings_room.load(tmp_path), said.append) == []
    assert said == ["pod  repo was never synced there: dgops sync --host pod --from local"]
    assert bring_home(Host("other", "local"), settings_room.load(tmp_path), pytest.fail) == []
