"""A .wsl file is built from a clean commit, unpacked as WSL does, started as a distro, deployed to; and built again."""

import hashlib
import json
import subprocess
import tarfile
import time
from pathlib import Path

import pytest
from place import MINUTES, Place
from soak import SOAK

from dgops.sandbox import boot, inventory, machine, records
from dgops.sandbox.containers import bridge
from dgops.sandbox.hosts import client_key, erase
from dgops.sandbox.layout import layout_of
from dgops.sandbox.ports import free_port
from dgops.sandbox.records import Record
from dgops.sandbox.spec import HostSpec

# A build takes minutes, and what uses two has twice as many.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(30 * MINUTES)]
NAME = "distro"
# Another time than now, as a commit of last year has.
WHEN = 1_700_000_000


@pytest.fixture(scope="module")
def place(containers, tmp_path_factory):
    """A clone at a commit, whose own dgops is the one that runs."""
    found = Place(tmp_path_factory.mktemp("image"), clone=True)
    found.env |= {"PYTHONPATH": str(found.root), "GIT_COMMITTER_DATE": f"{WHEN} +0000"}
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "all"]):
        assert found.run("git", *words).returncode == 0
    (found.root / ".git/info/exclude").write_text("/home/\n")
    yield found
    with machine.at_work(layout_of(found.settings)) as engine:
        engine.attempt("rmi", "--force", image_of(found))
    found.down()


@pytest.fixture(scope="module")
def built(place):
    code, found = place.json("image", "build", "--kind", "wsl")
    assert code == 0, found
    return found


def image_of(place):
    return f"{machine.IMAGES}:built-{layout_of(place.settings).identity}"


def test_it_says_what_it_made(place, built):
    path = Path(built["path"])
    head = place.run("git", "rev-parse", "HEAD").stdout.strip()
    assert path == place.root / "dist" / f"dgops-{head[:7]}.wsl"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == built["sha256"]
    assert path.stat().st_size == built["bytes"] < 300e6
    assert built["manifest"]["commit"] == head
    assert {"systemd", "git", "openssh-server"} <= set(built["manifest"]["packages"])
    assert {"base", "user", "python_env"} <= set(built["manifest"]["roles"])
    assert "runtime.txt" in built["manifest"]["locks"]
    # Nothing of the build stays: no container, no half of a file.
    assert {one.name for one in path.parent.iterdir()} == {path.name}
    assert not (place.settings.state / "image").exists()


def test_it_breaks_no_rule(place, built):
    code, found = place.json("image", "check", built["path"])
    assert code == 0
    # On purpose: an image that is imported unattended never runs the first program.
    assert [one["rule"] for one in found["findings"]] == ["the default uid is free"]


def test_nothing_of_this_machine_travels(built):
    with tarfile.open(built["path"]) as tar:
        members = {member.name.removeprefix("./"): member for member in tar}
        texts = {
            name: tar.extractfile(members[name]).read().decode()
            for name in ("etc/shadow", "etc/apt/sources.list", "etc/ssl/certs/ca-certificates.crt", "etc/machine-id")
        }
    secret = [name for name in members if name.startswith(("root/.ssh/", "home/seanf/.ssh/", "etc/ssh/ssh_host_"))]
    assert secret == []
    gone = ("etc/resolv.conf", "etc/hostname", "var/lib/dgops", "home/seanf/.cache", "etc/apt/apt.conf.d/90proxy")
    assert not set(gone) & set(members)
    files = [name for name, member in members.items() if member.isfile()]
    assert not [name for name in files if "__pycache__" in name or name.startswith(("var/log/", "proc/", "tmp/"))]
    assert all(line.split(":")[1][0] in "!*" for line in texts["etc/shadow"].splitlines())
    assert texts["etc/machine-id"] == ""
    assert "bookworm" in texts["etc/apt/sources.list"]
    mine = Path("/usr/local/share/ca-certificates")
    for certificate in mine.rglob("*.crt"):
        body = certificate.read_text().split("-----BEGIN CERTIFICATE-----")[1].strip()
        assert body not in texts["etc/ssl/certs/ca-certificates.crt"]
    assert {member.mtime for member in members.values()} == {WHEN}
    assert "SCHILY.xattr.security.capability" in members["usr/bin/ping"].pax_headers


@pytest.fixture(scope="module")
def distro(place, built, tmp_path_factory):
    """The file unpacked as WSL does, and what came out of it started as a distro."""
    folder = tmp_path_factory.mktemp("unpacked")
    root, tar = folder / "root", folder / "root.tar"
    root.mkdir()
    xattrs = ["--xattrs", "--xattrs-include=*", "--numeric-owner"]
    unpacked = place.run("tar", "-C", root, "-x", "-p", *xattrs, "-f", built["path"])
    assert unpacked.returncode == 0, unpacked.stderr
    assert place.run("tar", "-C", root, "-c", *xattrs, "-f", tar, ".").returncode == 0
    layout = layout_of(place.settings)
    with machine.at_work(layout) as engine:
        key = client_key(layout)
        bridge.ensure(engine, layout.network, layout.label)
        engine.call("import", str(tar), image_of(place), timeout=5 * MINUTES)
        record = boot.start(layout, engine, Record(HostSpec(NAME, "wsl")), image_of(place), key)
        boot.settle(layout, engine, record)
        inventory.write(layout, records.load_all(layout))
    subprocess.run(["rm", "-rf", folder], check=True, timeout=MINUTES)
    variables = place.root / "inventories/sandbox/host_vars"
    variables.mkdir()
    (variables / f"{NAME}.yml").write_text(json.dumps({"ansible_user": "seanf"}))
    return NAME


def test_the_distro_is_nearly_ready(place, distro):
    """Its first deploy settles what is this distro's own, and holds the packages and venvs that are in the image."""
    done = place.dgops("deploy", "--host", distro)
    assert done.returncode == 0, done.stdout + done.stderr
    held = [line.split()[1] for line in done.stderr.splitlines() if line.split()[2:3] == ["holds"]]
    assert {"base", "python_env"} <= set(held), done.stderr
    again = place.json("deploy", "--host", distro)
    assert again[1]["hosts"][distro]["outcome"] == "unchanged"


def test_its_first_program_greets(place, built, distro):
    layout = layout_of(place.settings)
    with machine.at_work(layout) as engine:
        said = engine.call("exec", layout.container(distro), "/bin/sh", "-c", "/usr/lib/wsl/oobe.sh")
    assert f"commit {built['manifest']['commit'][:12]}: user seanf" in said


@pytest.fixture
def booted(place, distro):
    """Return `booted(*argv)`: runs argv in a container of the image whose first process is systemd."""
    layout = layout_of(place.settings)
    name = layout.container("booted")
    with machine.at_work(layout) as engine:
        options = ["--label", layout.label, "--name", name, "--network", "none", *engine.limits]
        engine.call("run", "--detach", "--pull=never", "--systemd=always", *options, image_of(place), "/sbin/init")
    yield lambda *argv: engine.attempt("exec", name, *argv, timeout=MINUTES).stdout.strip()
    with machine.at_work(layout) as engine:
        engine.discard(name)


def test_systemd_starts_it(booted):
    """Nothing fails, and the host keys are this distro's own."""
    until = time.monotonic() + MINUTES
    while booted("systemctl", "is-system-running") not in ("running", "degraded"):
        assert time.monotonic() < until
        time.sleep(0.5)
    assert booted("systemctl", "list-units", "--failed", "--plain", "--no-legend") == ""
    assert booted("systemctl", "is-active", "ssh") == "active"
    assert "ssh_host_ed25519_key" in booted("sh", "-c", "ls /etc/ssh/ssh_host_*_key")


def test_its_health_is_good(place, distro):
    code, found = place.json("health", "--host", distro)
    failed = [one for one in found["hosts"][distro]["checks"] if one["outcome"] not in ("pass", "skip")]
    assert (code, failed) == (0, [])


def test_a_tree_with_an_edit_is_refused(place, built):
    edited = place.root / "roles/base/defaults/main.yml"
    before = edited.read_text()
    edited.write_text(before + "# edited\n")
    try:
        done = place.dgops("image", "build", "--kind", "wsl")
    finally:
        edited.write_text(before)
    assert done.returncode == 1
    assert "roles/base/defaults/main.yml" in done.stderr


@pytest.mark.skipif(not SOAK, reason="a second build takes minutes: make soak does it")
def test_the_same_commit_gives_the_same_bytes(place, built):
    code, found = place.json("image", "build", "--kind", "wsl", "--out", str(place.root / "dist/again.wsl"))
    assert code == 0
    assert found["sha256"] == built["sha256"]


@pytest.fixture
def pod(place, built):
    """A pod started from a pod image, by its own first program."""
    code, found = place.json("image", "build", "--kind", "pod")
    assert code == 0
    layout = layout_of(place.settings)
    record = Record(HostSpec("imaged")).with_port(free_port())
    records.save(layout, record)
    with machine.at_work(layout) as engine:
        loaded = engine.call("load", "--input", found["path"], timeout=5 * MINUTES).split()[-1]
        bridge.ensure(engine, layout.network, layout.label)
        arguments = boot.run_arguments(layout, engine.limits, record, loaded, client_key(layout))
        ours = next(number for number, word in enumerate(arguments) if word.endswith(":/start.sh:ro"))
        secret = ["--env", 'HF_TOKEN=it\'s a "secret" of $HOME', "--env", "NOTE=one\ntwo"]
        engine.call(arguments[0], *secret, *arguments[1 : ours - 1], *arguments[ours + 1 :])
        boot.settle(layout, engine, record)
        inventory.write(layout, records.load_all(layout))
    yield record
    with machine.at_work(layout) as engine:
        erase(layout, engine, "imaged")
        engine.attempt("rmi", "--force", loaded)


@pytest.mark.skipif(not SOAK, reason="a second build takes minutes: make soak does it")
def test_a_pod_image_starts_as_a_rented_pod_does(place, pod):
    """Key in, host keys that it printed, its environment in every session, and nobody else reads that."""
    assert place.on("imaged", "printenv HF_TOKEN") == 'it\'s a "secret" of $HOME\n'
    assert place.on("imaged", "printenv RUNPOD_POD_ID").strip() == pod.pod_id
    assert place.on("imaged", "bash -lc 'printenv NOTE'") == "one\ntwo\n"
    modes = "stat -c '%a %U %G' /etc/rp_environment /root/.ssh/environment /home/seanf/.ssh/environment"
    assert place.on("imaged", modes).splitlines() == ["640 root seanf", "600 root root", "600 seanf seanf"]
    done = place.dgops("deploy", "--host", "imaged")
    assert done.returncode == 0, done.stdout + done.stderr
