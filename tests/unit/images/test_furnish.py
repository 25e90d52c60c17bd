"""What each kind of image brings, and that WSL would take it."""

import os
import re
import stat
import subprocess

import pytest
from distros import GOOD, Piece, tar_of

from dgops.images.check import check
from dgops.images.furnish import furnish
from dgops.images.kinds import KINDS


def files_in(root):
    return {str(path.relative_to(root)): path for path in root.rglob("*") if not path.is_dir() or path.is_symlink()}


def test_what_a_wsl_image_brings_breaks_no_rule(tmp_path):
    furnish(tmp_path / "root", KINDS["wsl"])
    found = files_in(tmp_path / "root")
    made = {
        name: Piece(path.read_bytes(), mode=stat.S_IMODE(path.stat().st_mode))
        for name, path in found.items()
        if not path.is_symlink()
    }
    (tmp_path / "x.wsl").write_bytes(tar_of({**GOOD, **made}))
    assert check(tmp_path / "x.wsl").findings == ()
    assert {"etc/wsl.conf", "etc/wsl-distribution.conf", "usr/lib/wsl/oobe.sh", "usr/lib/wsl/dgops.ico"} <= set(made)
    masked = [path for path in found.values() if path.is_symlink()]
    assert {os.readlink(path) for path in masked} == {"/dev/null"}
    assert {path.name for path in masked} == set(KINDS["wsl"].masked)


def test_an_enabled_unit_is_taken_out_as_well(tmp_path):
    wants = tmp_path / "etc/systemd/system/sysinit.target.wants"
    wants.mkdir(parents=True)
    (wants / "networking.service").symlink_to("/lib/systemd/system/networking.service")
    furnish(tmp_path, KINDS["wsl"])
    assert os.listdir(wants) == []


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_twice_is_as_once_and_folders_are_open(tmp_path, kind):
    os.umask(0o077)
    try:
        for _ in range(2):
            furnish(tmp_path / "root", kind)
    finally:
        os.umask(0o022)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "root").rglob("*") if path.is_dir()}
    assert modes <= {0o755}
    for name, (_, mode) in kind.furniture.items():
        assert (tmp_path / "root" / name).stat().st_mode & 0o777 == mode


def test_no_file_has_windows_line_ends(tmp_path):
    for kind in KINDS.values():
        furnish(tmp_path / kind.name, kind)
        for name, path in files_in(tmp_path / kind.name).items():
            assert path.is_symlink() or name.endswith(".ico") or b"\r" not in path.read_bytes()


def test_the_first_program_greets_by_the_manifest(tmp_path):
    furnish(tmp_path, KINDS["wsl"])
    manifest = tmp_path / "image.json"
    manifest.write_text('{\n  "commit": "a1b2c3d4e5f6a7b8c9d0"\n}\n')
    script = (tmp_path / "usr/lib/wsl/oobe.sh").read_text()
    script = re.sub(r"manifest=\S+", f"manifest={manifest}", script)
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0, done.stderr
    assert "commit a1b2c3d4e5f6:" in done.stdout
    assert "dgops --inventory inventories/wsl deploy" in done.stdout


PODS = {
    "plain": {"A": "1"},
    "quotes and dollars": {"TOKEN": 'it\'s $HOME "x" `id` \\'},
    "several lines": {"KEY": "one\ntwo's\n"},
    "an equals sign": {"ARGS": "--a=b --c=d"},
}


@pytest.mark.parametrize("pod", PODS.values(), ids=PODS)
def test_a_pods_environment_reaches_shells_and_sessions(tmp_path, pod):
    """The function that writes it, run on files of the test's own; nobody is the user there."""
    furnish(tmp_path, KINDS["pod"])
    lines = (tmp_path / "start.sh").read_text().splitlines()
    first, last = lines.index("write_environment() {"), lines.index("start_sshd() {")
    body = "\n".join(lines[first:last]).replace("/etc/rp_environment", "$OUT/rp").replace("/root/.ssh", "$OUT")
    own = next(line for line in lines if line.startswith("own="))
    script = f"set -euo pipefail\nuser=no-such-user-here\n{own}\n{body}\nwrite_environment\n"
    env = {"PATH": os.environ["PATH"], "OUT": str(tmp_path), "PUBLIC_KEY": "ssh-ed25519 AAAA", **pod}
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, timeout=10)
    assert done.returncode == 0, done.stderr
    asked = next(iter(pod))
    for shell in ("sh", "bash"):
        program = f'. "{tmp_path}/rp"; printf %s "${asked}"'
        said = subprocess.run([shell, "-c", program], env={}, capture_output=True, text=True, timeout=10)
        assert said.stdout == pod[asked]
    session = (tmp_path / "environment").read_text()
    assert (f"{asked}={pod[asked]}\n" in session) == ("\n" not in pod[asked])
    assert "PUBLIC_KEY" not in session + (tmp_path / "rp").read_text()
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("rp", "environment")] == [0o600, 0o600]
