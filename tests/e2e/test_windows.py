"""deploy.ps1, run by an evaluator of its syntax tree against a fake wsl.exe: what it calls and says is data."""

import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from place import REPO, Place
from windows.machine import Machine
from windows.powershell import Script
from windows.syntax import UnknownError
from windows.wsl import WHOLE, WSLPATH, Wsl, WslError

from dgops import settings as settings_room
from dgops.sandbox.containers import rootfs

CASES = sorted((REPO / "tests/cases/windows").glob("*.json"))
SCRIPT = (REPO / "deploy.ps1").read_text()
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")]
# What stands in for bootstrap.sh: it tells where it was found, as whom it runs, and ends as the case says.
BOOTSTRAP = "echo bootstrap: $0 in $WSL_DISTRO_NAME\nexit {}\n"
# Written by a real bootstrap, in the distro's own list of users.
USERS = "root:x:0:0:root:/root:/bin/sh\nseanf:x:1100:1100::/home/seanf:/bin/sh\n"


@pytest.fixture(scope="session")
def small_distro(tmp_path_factory):
    """A root file system that can run a shell, and no more."""
    root = tmp_path_factory.mktemp("distro") / "root"
    listed = subprocess.run(["ldd", "/bin/sh"], capture_output=True, text=True, check=True, timeout=10).stdout
    files = [path for path in re.findall(r"(/\S+)", listed) if os.path.isfile(path)]
    for path in ["/bin/sh", "/bin/mkdir", *files]:
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(Path(path).read_bytes())
        target.chmod(0o755)
    (root / "etc").mkdir()
    (root / "etc/passwd").write_text(USERS)
    tar = root.parent / "small.tar.gz"
    with tarfile.open(tar, "w:gz") as archive:
        archive.add(root, arcname=".")
    return tar


def run(case, folder, tar):
    """Play one case; returns what was called and shown, in the form that the case expects."""
    machine = Machine(folder, case["wsl"], case.get("folder", r"C:\Users\ann\dgops"))
    script_root = machine.here(machine.script_root)
    script_root.mkdir(parents=True)
    (script_root / "bootstrap.sh").write_text(BOOTSTRAP.format(case.get("bootstrap", 0)))
    for name, content in case.get("files", {}).items():
        path = machine.here(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tar.read_bytes() if content == "a distro" else content.encode())
    for name, record in case.get("distros", {}).items():
        (machine.wsl_exe.folder / name).mkdir()
        with tarfile.open(tar) as archive:
            archive.extractall(machine.wsl_exe.folder / name, **WHOLE)
        if "users" in case:
            (machine.wsl_exe.folder / name / "etc/passwd").write_text(case["users"])
        machine.wsl_exe.note(name, {"version": 2, "location": name, "oobe": False, "uid": 0} | record)
    code = Script(SCRIPT, machine).run(case["arguments"])
    return {
        "exit": code,
        "calls": [subprocess.list2cmdline(words) for words in machine.calls],
        "shown": machine.shown,
    } | {"complained": machine.complained}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_cases(path, tmp_path, small_distro):
    case = json.loads(path.read_text())
    found = run(case, tmp_path / "windows", small_distro)
    if os.environ.get("DGOPS_GOLDEN") == "write":
        path.write_text(json.dumps({**case, "expected": found}, indent=2) + "\n")
    else:
        assert found == case["expected"]


def test_the_script_is_short_and_plain():
    """Windows PowerShell reads a file without a mark as ANSI; a reader reads sixty lines."""
    assert SCRIPT.isascii()
    assert len(SCRIPT.splitlines()) <= 60


@pytest.mark.parametrize(
    "line",
    [
        "$a = 1 * 2",
        "Remove-Item x",
        "& cmd.exe /c x",
        "if (1) { 2 } else { 3 }",
        "$a.Length",
        "$x",
        "exit 1 2",
        '"$(1)$y"',
    ],
)
def test_the_evaluator_refuses_what_it_does_not_know(line, tmp_path):
    head = "[CmdletBinding(SupportsShouldProcess)]\nparam([string]$A)\n"
    with pytest.raises(UnknownError):
        Script(head + line, Machine(tmp_path, "2.4.13", "C:\\x")).run({})


def test_nothing_stays_mounted(tmp_path, small_distro):
    case = json.loads((REPO / "tests/cases/windows/new.json").read_text())
    run(case, tmp_path / "windows", small_distro)
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


# What the fake holds itself to; the words are those of WSL's own sources.


@pytest.fixture
def wsl(tmp_path, small_distro):
    made = Wsl("2.4.13", tmp_path / "distros", tmp_path / "c")
    made.drive.mkdir()
    (made.drive / "d.wsl").write_bytes(small_distro.read_bytes())
    return made


INSTALL = ["--install", "--from-file", "C:\\d.wsl", "--name", "one", "--location", "C:\\one", "--no-launch"]


def said(wsl, *words, utf8=True):
    answer = wsl.run(list(words), True, utf8, {})
    return answer.code, answer.output.decode("utf-8" if utf8 else "utf-16-le")


def test_its_own_words_are_utf16_unless_asked(wsl):
    assert said(wsl, "--version", utf8=False)[1].startswith("WSL version: 2.4.13.0\r\n")
    assert said(wsl, "--version")[1].startswith("WSL version: 2.4.13.0\r\n")
    old = Wsl("inbox", wsl.folder, wsl.drive)
    assert b"\0" in old.run(["--version"], True, True, {}).output


def test_names_and_places_are_taken_once(wsl):
    assert said(wsl, *INSTALL)[0] == 0
    assert "already exists. Use --name" in said(wsl, *INSTALL)[1]
    assert "location is already in use" in said(wsl, "--import", "two", "C:\\one", "C:\\d.wsl", "--version", "2")[1]
    assert "Invalid distribution name" in said(wsl, "--import", "a b", "C:\\b", "C:\\d.wsl", "--version", "2")[1]


def test_a_file_must_be_a_distro(wsl):
    (wsl.drive / "d.wsl").write_text("no archive")
    assert "Unrecognized archive format" in said(wsl, *INSTALL)[1]
    with tarfile.open(wsl.drive / "d.wsl", "w") as archive:
        archive.add(__file__, arcname="readme")
    assert "not a valid Linux distribution" in said(wsl, *INSTALL)[1]


def test_an_import_never_runs_the_first_start(wsl):
    """Neither does a command; only the first interactive start of an installed file does."""
    said(wsl, *INSTALL)
    said(wsl, "--import", "two", "C:\\two", "C:\\d.wsl", "--version", "2")
    for name in ("one", "two"):
        (wsl.folder / name / "etc/wsl-distribution.conf").write_text("[oobe]\ncommand = echo first\n")
    assert said(wsl, "-d", "one", "--exec", "sh", "-c", "echo x")[1] == "x\n"
    assert wsl.record("one")["oobe"]
    said(wsl, "-d", "one")
    assert not wsl.record("one")["oobe"]
    assert not wsl.record("two")["oobe"]


def test_the_default_user(wsl):
    said(wsl, *INSTALL)
    assert said(wsl, "-d", "ONE", "--exec", "sh", "-c", "echo $HOME") == (0, "/root\n")
    assert said(wsl, "--manage", "one", "--set-default-user", "seanf")[0] == 0
    assert said(wsl, "-d", "one", "--exec", "sh", "-c", "echo $HOME") == (0, "/home/seanf\n")
    assert "not found" in said(wsl, "--manage", "one", "--set-default-user", "nobody")[1]
    with pytest.raises(WslError):
        wsl.known("two", insist=True)


def test_wslpath_refuses_what_is_on_no_drive(tmp_path):
    path = tmp_path / "wslpath"
    path.write_text(WSLPATH)
    for text, code in (("C:/a b", 0), ("//server/share", 1), ("D:/x", 1)):
        assert subprocess.run(["sh", path, "-u", text], capture_output=True, timeout=10).returncode == code


# The real thing, but for Windows: a bare Debian 13, deploy.ps1, and bootstrap.sh from a slow drive C:.


@pytest.fixture
def slow_machine(tmp_path):
    """A machine whose drive C: is a file system in user space, where all is everybody's and reading is slow."""
    if not shutil.which("bindfs") or not Path("/dev/fuse").exists():
        pytest.skip("a slow drive needs bindfs (apt-get install bindfs) and /dev/fuse")
    machine = Machine(tmp_path / "windows", "2.4.13", r"C:\Users\ann lee\dgops", {"DGOPS_MODE": "fast-test"})
    below = tmp_path / "below"
    below.mkdir()
    options = ["--perms=0777", "--force-user=1000", "--force-group=1000", "--chmod-ignore", "--chown-ignore"]
    options += ["--read-rate=8M", "--multithreaded"]
    subprocess.run(["bindfs", *options, below, machine.drive], check=True, timeout=30)
    yield machine
    subprocess.run(["umount", machine.drive], check=True, timeout=30)


def test_from_nothing_to_ready(slow_machine, tmp_path):
    clone = Place(tmp_path / "tree", clone=True).root
    (clone / "inventories/local/host_vars").mkdir()
    (clone / "inventories/local/host_vars/local.yml").write_text("git_ssh__check_auth: false\n")
    cache = settings_room.load(clone).cache
    tar = rootfs.build(rootfs.recipe_for("trixie"), cache / "rootfs", lambda _line: None)
    folder = slow_machine.here(slow_machine.script_root)
    shutil.copytree(clone, folder, symlinks=False, ignore=shutil.ignore_patterns(".dgops", "home", ".venv"))
    shutil.rmtree(folder / "playbooks/roles")
    slow_machine.here("C:\\dg.tar").symlink_to(tar)
    arguments = {"RootFs": "C:\\dg.tar"}
    assert Script(SCRIPT, slow_machine).run(arguments) == 0, "\n".join(slow_machine.shown + slow_machine.complained)
    shown = "\n".join(slow_machine.shown)
    assert re.search(r"^local +pass", shown, re.MULTILINE), shown
    wsl = slow_machine.wsl_exe
    assert wsl.record("DeadlyLinux_002")["uid"] == 1100
    root = wsl.folder / "DeadlyLinux_002"
    assert (root / "etc/wsl.conf").read_text() == "[user]\ndefault=seanf\n"
    assert not (folder / ".venv").exists()
    slow_machine.shown.clear()
    assert Script(SCRIPT, slow_machine).run(arguments) == 0, "\n".join(slow_machine.shown + slow_machine.complained)
    assert "bootstrap  unchanged: nothing was to do before the deploy" in slow_machine.shown
    assert str(tmp_path / "windows/distros") not in Path("/proc/self/mounts").read_text()
