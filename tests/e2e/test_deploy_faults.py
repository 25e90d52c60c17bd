"""What goes wrong in the middle of a deploy: a true word, nothing lost, and the next deploy converges."""

import contextlib
import random
import signal
import subprocess
import time

import pytest
from place import Place
from soak import SOAK

from dgops.sandbox import faults, hosts, machine
from dgops.sandbox.layout import layout_of

pytestmark = pytest.mark.e2e
# Seconds into a whole run; a killed one's lease is taken away by hand, since waiting for it is tested elsewhere.
MOMENTS = [random.Random(seed).uniform(1.0, 15.0) for seed in (range(1, 9) if SOAK else (3,))]
LEASE = "rm -f /run/dgops/deploy.lease"
LOCK = "/var/lib/dpkg/lock-frontend"
NO_TMUX = "dpkg --remove --force-depends tmux >/dev/null"
DAY_AHEAD = '#!/bin/sh\nexec faketime -f +1d /usr/bin/python3 "$@"\n'


@pytest.fixture(scope="module")
def place(stock, tmp_path_factory):
    found = Place(tmp_path_factory.mktemp("deploy-faults"))
    try:
        stock.give(found)
        yield found
    finally:
        found.down()


def converges(place):
    """Deploy, and then there is nothing to do and nothing wrong."""
    done = place.dgops("deploy", "--host", "pod")
    assert done.returncode == 0, done.stdout + done.stderr
    code, found = place.json("deploy", "--host", "pod")
    assert (code, found["hosts"]["pod"]["roles_run"]) == (0, []), found
    health = place.dgops("health")
    assert health.returncode == 0, health.stdout


def survives(place):
    """Converge: in a soak at once, else only after the next fault, since a deploy is what that one strikes."""
    place.on("pod", LEASE)
    if SOAK:
        converges(place)


def fails(place, *words, code=1, roles=("--full",)):
    """Deploy every role, and read what a person is told."""
    done = place.dgops("deploy", "--host", "pod", *roles)
    text = done.stdout + done.stderr
    assert done.returncode == code, text
    assert "Traceback" not in text
    for word in words:
        assert word in text, text


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_controller_is_killed(place, moment):
    running = place.start("deploy", "--host", "pod", "--full")
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.wait(timeout=moment)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=30)
    survives(place)


def test_sshd_is_killed_during_a_task(place):
    running = place.start("deploy", "--host", "pod", "--full")
    time.sleep(4)
    with machine.at_work(layout_of(place.settings)) as engine:
        engine.attempt("exec", layout_of(place.settings).container("pod"), "pkill", "-KILL", "-f", "sshd: root@")
    _, words = running.communicate(timeout=120)
    assert running.returncode in (0, 3), words
    assert "Traceback" not in words
    survives(place)


def test_a_cut_of_five_seconds(place):
    running = place.start("deploy", "--host", "pod", "--full")
    time.sleep(3)
    faults.partition("pod", place.settings)
    time.sleep(5)
    faults.heal("pod", place.settings)
    _, words = running.communicate(timeout=180)
    assert running.returncode in (0, 3), words
    place.on("pod", LEASE)
    converges(place)


def test_a_restart_in_the_middle(place):
    running = place.start("deploy", "--host", "pod", "--full")
    time.sleep(4)
    faults.kill("pod", place.settings)
    _, words = running.communicate(timeout=120)
    assert running.returncode == 3, words
    hosts.start("pod", place.settings)
    converges(place)


def hold_apt(place, seconds):
    """Hold apt's lock on the pod as an apt at work there does; returns the command that ends it."""
    program = f"import fcntl,time; f=open('{LOCK}','w'); fcntl.lockf(f, fcntl.LOCK_EX); time.sleep({seconds})"
    pid = place.on("pod", f'nohup python3 -c "{program}" >/dev/null 2>&1 & echo $!')
    return f"kill {pid.strip()} 2>/dev/null || true"


def test_an_apt_that_lets_go_is_waited_for(place):
    place.on("pod", NO_TMUX)
    hold_apt(place, 12)
    converges(place)


def test_an_apt_that_does_not(place):
    place.on("pod", NO_TMUX)
    folder = place.root / "inventories/sandbox/group_vars"
    folder.mkdir()
    (folder / "pods.yml").write_text("base__apt_wait: 1\n")
    letting_go = hold_apt(place, 300)
    try:
        fails(place, "base: Install packages", "another apt is at work on the host", roles=())
    finally:
        place.on("pod", letting_go)
        (folder / "pods.yml").unlink()
        folder.rmdir()
    converges(place)


def test_names_are_not_resolved(place):
    place.on("pod", "cp /etc/resolv.conf /tmp/resolv.conf; echo nameserver 127.0.0.1 > /etc/resolv.conf")
    try:
        converges(place)
        place.on("pod", f"{NO_TMUX}; rm -f /var/cache/apt/archives/tmux*")
        fails(place, "base: Install packages", "the host resolves no names", roles=())
    finally:
        place.on("pod", "cat /tmp/resolv.conf > /etc/resolv.conf")
    converges(place)


def test_a_host_that_does_not_know_its_own_name(place):
    """sudo complains of it at every command, into what a role's answer is read from, and goes on."""
    place.on("pod", "cp /etc/hosts /etc/nsswitch.conf /tmp; sed -i 's/^hosts:.*/hosts: files/' /etc/nsswitch.conf")
    place.on("pod", "grep -v $(hostname) /tmp/hosts >/etc/hosts")
    try:
        assert "unable to resolve host" in place.on("pod", "sudo -n true 2>&1")
        done = place.dgops("deploy", "--host", "pod", "--full")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "unchanged" in done.stdout
    finally:
        place.on("pod", "cat /tmp/hosts >/etc/hosts; cp /tmp/nsswitch.conf /etc")


def test_the_home_is_read_only(place):
    layout = layout_of(place.settings)
    with machine.at_work(layout) as engine:
        pid = engine.inspect(layout.container("pod"))["State"]["Pid"]
    # With its processes too, or its /proc is nobody's and umount finds nothing.
    inside = ["nsenter", "-m", "-p", "-t", str(pid)]
    mount = "mount --bind /home /home && mount -o remount,bind,ro /home"
    subprocess.run([*inside, "sh", "-c", mount], check=True, timeout=20)
    try:
        fails(place, "Read-only file system")
    finally:
        subprocess.run([*inside, "umount", "/home"], check=True, timeout=20)
    converges(place)


def test_a_role_fails_half_way(place):
    place.on("pod", "rm /usr/local/bin/dgops; mkdir -p /usr/local/bin/dgops/full")
    try:
        fails(place, "dgops_runtime: Put dgops on the path", roles=())
    finally:
        place.on("pod", "rm -r /usr/local/bin/dgops")
    converges(place)


def test_the_hosts_clock_is_a_day_ahead(place):
    place.on("pod", "apt-get install -y --no-install-recommends faketime >/dev/null 2>&1")
    place.on("pod", f"printf '%s' '{DAY_AHEAD}' > /usr/local/bin/python3; chmod +x /usr/local/bin/python3")
    try:
        done = place.dgops("deploy", "--host", "pod", "--full")
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        place.on("pod", "rm /usr/local/bin/python3")
    converges(place)
