"""Hosts that fall silent or lie in the middle of things: a deadline, a true word, the right exit code."""

import json
import time

import pytest
from place import Place

from dgops.sandbox import faults, hosts

pytestmark = pytest.mark.e2e
# What a python3 that is none answers.
LIES = (
    "head -c 20000000 /dev/zero | tr '\\0' x",
    "printf '%0.s[' $(seq 200000)",
    """echo '{"facts": {"python": 3}, "marker": "x", "observations": 7}'""",
    "printf '\\033[2J\\033]0;evil\\007'",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    found = Place(tmp_path_factory.mktemp("faults"))
    try:
        found.up("pod")
        yield found
    finally:
        found.down()


def test_a_host_of_a_hand_written_inventory_is_held_to_its_pinned_key(place):
    view = hosts.listed(place.settings)[0]
    folder = place.root / "mine"
    folder.mkdir()
    address = {"ansible_host": "127.0.0.1", "ansible_port": view.port, "ansible_user": "root"}
    loose = {"ansible_ssh_args": "-o StrictHostKeyChecking=no", "ansible_ssh_private_key_file": str(view.key)}
    rows = {"all": {"hosts": {"mine": {**address, **loose}}}}
    (folder / "hosts.yml").write_text(json.dumps(rows))
    deploy = ("--inventory", "mine", "deploy", "--host", "mine", "--role", "ca_certificates")
    assert place.dgops(*deploy).returncode == 3, "nobody has pinned its key"
    assert place.dgops("--inventory", "mine", "hosts", "add", "mine").returncode == 0
    done = place.dgops(*deploy)
    assert done.returncode == 0, done.stdout + done.stderr


def test_silence_in_the_middle_of_a_deploy_has_a_deadline(place):
    deploying = place.start("deploy", "--host", "pod", "--json")
    time.sleep(4)
    assert deploying.poll() is None
    faults.partition("pod", place.settings)
    try:
        output, errors = deploying.communicate(timeout=60)
    finally:
        faults.heal("pod", place.settings)
    # It could not be given back, and would last its minute.
    place.on("pod", "rm -f /run/dgops/deploy.lease")
    assert deploying.returncode == 3, output + errors
    pod = json.loads(output)["hosts"]["pod"]
    assert pod["outcome"] == "unreachable"
    assert "is the host still up" in pod["first_failure"]["hint"]


def test_a_lying_host_is_told_and_steers_nothing(place):
    place.on("pod", "cp -P /usr/bin/python3 /usr/bin/python3.true")
    try:
        for lie in LIES:
            script = f"#!/bin/sh\ncat > /dev/null\n{lie}\n"
            place.on("pod", f"cat > /usr/bin/python3.lie <<'END'\n{script}END\n")
            place.on("pod", "chmod +x /usr/bin/python3.lie; ln -sf python3.lie /usr/bin/python3")
            done = place.dgops("health")
            assert (done.returncode, done.stderr) == (1, ""), done.stderr
            assert "\x1b" not in done.stdout
            assert len(done.stdout) < 2000
            code, found = place.json("deploy", "--host", "pod")
            assert (code, found["hosts"]["pod"]["outcome"]) == (1, "failed")
    finally:
        place.on("pod", "cp -P /usr/bin/python3.true /usr/bin/python3")
