"""Venvs made by uv of real wheels: what is spoilt is seen, named, and mended, and nothing else is touched."""

import getpass
import os
import shutil
import subprocess
import sys
import time
import zipfile

import pytest
from venvs import SITE, UV, Made, lock_of, make_wheel

from dgops.agent import manifest, observe, pins, wheel_fetch, wheels
from dgops.agent import venv as venvs
from dgops.health.check import Check
from dgops.health.judge import judge

SAME = {"installed": [], "removed": [], "removed_files": [], "restored": [], "proven_anew": False, "downloaded": []}


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """Return `anew()`: a venv that was just settled; made once, and put back from a copy for each test."""
    # The same path each time: scripts and activation name it.
    root, kept = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("kept") / "made"
    fresh = Made(root)
    fresh.settle()
    fresh.keep(kept)
    return lambda: fresh.put_back(kept)


@pytest.fixture
def made(settled):
    """A venv that was just settled."""
    return settled()


def look(made, **more):
    """Return the words that a check of the venv says."""
    check = {"path": str(made.path), "lock": str(made.lock), "owner": getpass.getuser(), **more}
    result = judge(Check("r", "n", "state", "venv", check), {"seen": observe.venv(check)}, "production")
    return result.observed if result.outcome.value == "fail" else ""


def rewrite(path, data):
    """Change a file's content under its size and times, as far as that can be done."""
    before = path.stat()
    path.write_bytes(data.ljust(before.st_size, b"#")[: before.st_size])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path, other):
    path.unlink()
    os.symlink(other, path)


def plant(path, text="evil = 1\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def edit_record(made):
    record = made.site / "alpha-1.0.dist-info/RECORD"
    record.write_text(record.read_text() + "../../../../../photo.jpg,,\nbeta,,\n../../../pyvenv.cfg,,\n")
    (made.path.parent.parent / "photo.jpg").write_text("mine")


def add_distribution(made, name="gamma"):
    wheel = make_wheel(made.path.parent, name)
    install = [UV, "pip", "install", "-q", "--offline", "--no-cache", "--python", made.bin / "python", wheel]
    subprocess.run(install, check=True, timeout=60)
    wheel.unlink()


def upgrade(made):
    wheel = make_wheel(made.path.parent, "alpha", "1.1", {"alpha/new.py": b"new = 1\n"})
    install = [UV, "pip", "install", "-q", "--offline", "--no-cache", "--python", made.bin / "python", wheel]
    subprocess.run(install, check=True, timeout=60)
    wheel.unlink()


def bytecode_of_an_edit(made):
    module = made.site / "alpha/__init__.py"
    before = module.stat()
    rewrite(module, b"def main():\n    return 7\n")
    subprocess.run([made.bin / "python", "-c", "import alpha"], check=True, timeout=60)
    os.utime(module, ns=(before.st_atime_ns, before.st_mtime_ns))


# What is done → the words that name it (the first finding), what is installed again.
SPOILT = {
    "an edit of the same size and time": (
        lambda made: rewrite(made.site / "alpha/__init__.py", b"evil"),
        "alpha/__init__.py changed by hand",
        ["alpha"],
    ),
    "an edit": (
        lambda made: plant(made.site / "beta/sub/deep.py", "longer than before\n"),
        "beta/sub/deep.py changed by hand",
        ["beta"],
    ),
    "an edit and its bytecode": (bytecode_of_an_edit, "alpha/__init__.py changed by hand", ["alpha"]),
    "a file gone": (lambda made: (made.site / "alpha/data.txt").unlink(), "alpha/data.txt is gone", ["alpha"]),
    "a folder gone": (lambda made: shutil.rmtree(made.site / "beta/sub"), "beta/sub/deep.py is gone", ["beta"]),
    "a package gone": (lambda made: shutil.rmtree(made.site / "beta"), "beta/__init__.py is gone", ["beta"]),
    "a link in its place": (
        lambda made: replace(made.site / "alpha/data.txt", "/etc/hostname"),
        "alpha/data.txt changed by hand",
        ["alpha"],
    ),
    "a pipe in its place": (
        lambda made: ((made.site / "alpha/data.txt").unlink(), os.mkfifo(made.site / "alpha/data.txt")),
        "alpha/data.txt changed by hand",
        ["alpha"],
    ),
    "a folder in its place": (
        lambda made: ((made.site / "alpha/data.txt").unlink(), plant(made.site / "alpha/data.txt/x")),
        "alpha/data.txt changed by hand",
        ["alpha"],
    ),
    "a link to another folder": (
        lambda made: ((made.site / "beta/sub").rename(made.path.parent / "sub"), replace_folder(made)),
        "beta/sub/deep.py is gone",
        ["beta"],
    ),
    "a mode": (
        lambda made: (made.site / "alpha/data.txt").chmod(0o666),
        "alpha/data.txt has mode 0666",
        ["alpha"],
    ),
    "a folder's mode": (lambda made: (made.site / "alpha").chmod(0o777), "alpha has mode 0777", []),
    "a script": (lambda made: plant(made.bin / "alpha", "#!/bin/sh\n"), "bin/alpha changed by hand", ["alpha"]),
    "a script gone": (lambda made: (made.bin / "alpha").unlink(), "bin/alpha is gone", ["alpha"]),
    "RECORD edited": (edit_record, "alpha-1.0.dist-info/RECORD changed by hand", ["alpha"]),
    "RECORD gone": (
        lambda made: (made.site / "alpha-1.0.dist-info/RECORD").unlink(),
        "alpha is broken: it has no RECORD",
        ["alpha"],
    ),
    "metadata edited": (
        lambda made: plant(made.site / "beta-1.0.dist-info/METADATA"),
        "beta-1.0.dist-info/METADATA changed by hand",
        ["beta"],
    ),
    "dist-info gone": (lambda made: shutil.rmtree(made.site / "beta-1.0.dist-info"), "beta is missing", ["beta"]),
    "another version by name": (
        lambda made: (made.site / "alpha-1.0.dist-info").rename(made.site / "alpha-1.1.dist-info"),
        "alpha 1.1, lock says 1.0",
        ["alpha"],
    ),
    "two versions": (
        lambda made: (made.site / "alpha-0.9.dist-info").mkdir(),
        "alpha 0.9 and 1.0, lock says 1.0",
        ["alpha"],
    ),
    "an upgrade": (upgrade, "alpha 1.1, lock says 1.0", ["alpha"]),
    "another distribution": (add_distribution, "gamma is not in the lock", []),
    "sitecustomize": (lambda made: plant(made.site / "sitecustomize.py"), "sitecustomize.py was added", []),
    "a pth": (lambda made: plant(made.site / "x.pth"), "x.pth was added", []),
    "a module in a package": (lambda made: plant(made.site / "alpha/evil.py"), "alpha/evil.py was added", []),
    "a package": (lambda made: plant(made.site / "evil/__init__.py"), "evil/ was added", []),
    "an empty folder": (lambda made: (made.site / "evil").mkdir(), "evil/ was added", []),
    "bytecode without its source": (lambda made: plant(made.site / "evil.pyc"), "evil.pyc was added", []),
    "a program": (lambda made: plant(made.bin / "git"), "bin/git was added", []),
    "a broken link": (lambda made: os.symlink("nowhere", made.site / "x.py"), "x.py was added", []),
    "a name with line ends": (lambda made: plant(made.site / "a\nb.py"), "a?b.py was added", []),
    "the interpreter": (lambda made: replace(made.bin / "python", "/bin/false"), "bin/python changed by hand", []),
    "the interpreter gone": (lambda made: (made.bin / "python").unlink(), "bin/python is gone", []),
    "pyvenv.cfg": (
        lambda made: plant(made.path / "pyvenv.cfg", "include-system-site-packages = true\n"),
        "pyvenv.cfg changed by hand",
        [],
    ),
    "pyvenv.cfg gone": (lambda made: (made.path / "pyvenv.cfg").unlink(), "pyvenv.cfg is gone", []),
    "activate": (lambda made: plant(made.bin / "activate"), "bin/activate changed by hand", []),
    "the manifest gone": (
        lambda made: (made.path / ".dgops").unlink(),
        "its manifest is missing or damaged",
        [],
    ),
    "the manifest edited": (
        lambda made: plant(made.path / ".dgops", (made.path / ".dgops").read_text().replace("data.txt", "evil.txt")),
        "its manifest is missing or damaged",
        [],
    ),
    "the manifest a pipe": (
        lambda made: ((made.path / ".dgops").unlink(), os.mkfifo(made.path / ".dgops")),
        "its manifest is missing or damaged",
        [],
    ),
    "all of it": (
        lambda made: shutil.rmtree(made.path / "lib"),
        "no venv of the host's Python is there",
        ["alpha", "beta"],
    ),
    "everything gone": (
        lambda made: shutil.rmtree(made.path),
        "no venv of the host's Python is there",
        ["alpha", "beta"],
    ),
}


def replace_folder(made):
    os.symlink(made.path.parent / "sub", made.site / "beta/sub")


@pytest.mark.parametrize("case", SPOILT)
def test_what_is_spoilt_is_seen_named_and_mended(made, case):
    spoil, words, installed = SPOILT[case]
    before = tree(made)
    spoil(made)
    seen = look(made)
    assert seen.split(" and ")[0] == words.split(" and ")[0]
    assert made.settle(check=True)["installed"] == installed
    done = made.settle()
    assert (done["installed"], done["downloaded"]) == (installed, [])
    assert any(done.values())
    assert look(made) == look(made, deep=True) == ""
    assert made.settle() == SAME
    assert tree(made) == before
    for kept in (made.path.parent.parent / "photo.jpg", made.path.parent / "sub/deep.py"):
        assert kept.exists() == (
            kept.name in {"RECORD edited": "photo.jpg", "a link to another folder": "deep.py"}.get(case, "")
        ), kept
    subprocess.run([made.bin / "alpha"], check=True, timeout=60)


def tree(made):
    """Return what lies in the venv, bytecode and manifest aside."""
    return {
        path: (os.lstat(path).st_mode, os.readlink(path) if path.is_symlink() else path.is_file() and path.read_bytes())
        for path in made.path.rglob("*")
        if "__pycache__" not in path.parts and path.name != ".dgops"
    }


def test_only_what_moved_is_hashed(made):
    check = {"path": str(made.path), "lock": str(made.lock)}
    assert observe.venv(check) == {"exists": True, "findings": [], "total": 0, "count": 2, "hashed": 0}
    assert observe.venv({**check, "deep": True})["hashed"] > 20
    os.utime(made.site / "alpha/data.txt")
    # What was touched within a step of the clock is doubted for longer.
    time.sleep(0.2)
    assert observe.venv(check)["hashed"] == 1
    assert made.settle() == SAME, "a touched file is no change"
    assert observe.venv(check)["hashed"] == 0


def test_what_an_interrupted_program_left_beside_modules_is_no_finding(made):
    plant(made.site / "alpha/__pycache__/x.cpython-311.pyc")
    plant(made.path / "notes.txt")
    assert look(made) == ""
    assert made.settle() == SAME


def test_files_of_another_owner(made):
    if os.geteuid():
        pytest.skip("needs root to give files away")
    os.chown(made.site / "alpha/data.txt", 12345, -1)
    assert look(made) == "alpha/data.txt is not its owner's"
    os.chown(made.site / "alpha/data.txt", 0, 12345)
    assert look(made) == "alpha/data.txt is not its owner's"


def test_a_changed_lock_is_followed(made):
    newer = make_wheel(made.cache, "alpha", "1.1", {"alpha/new.py": b"new = 1\n"})
    made.lock.write_text(lock_of(newer))
    assert look(made) == "alpha 1.0, lock says 1.1 and 1 more"
    done = made.settle()
    assert (done["installed"], done["removed"]) == (["alpha"], ["beta"])
    assert not (made.site / "beta").exists()
    assert look(made) == ""


def test_an_allowed_distribution_may_be_there_and_change(made):
    add_distribution(made)
    assert made.settle("gamma") == SAME
    plant(made.site / "gamma/__init__.py", "x = 2\n")
    assert look(made, allow="gamma") == ""
    plant(made.site / "gamma/evil.py")
    assert look(made, allow="gamma") == "gamma/evil.py was added"


def test_two_distributions_may_claim_one_file(made):
    shared = make_wheel(made.cache, "shared", files={"alpha/data.txt": b"other\n"})
    made.lock.write_text(lock_of(made.alpha, made.beta, shared))
    assert made.settle()["installed"] == ["shared"]
    assert look(made) == look(made, deep=True) == ""
    plant(made.site / "alpha/data.txt", "third\n")
    assert look(made) == "alpha/data.txt changed by hand"
    assert made.settle()["installed"] == ["alpha", "shared"]
    assert look(made) == ""


def test_a_venv_that_was_not_made_here_is_taken_over(made):
    plant(made.bin / "stray")
    plant(made.site / "stray.py")
    (made.path / ".dgops").write_text("")
    done = made.settle()
    assert (done["installed"], done["proven_anew"]) == ([], True)
    assert done["removed_files"] == [f"{SITE}/stray.py", "bin/stray"]
    assert look(made) == ""


def test_another_python_made_the_manifest(made):
    kept = manifest.read(str(made.path))
    manifest.write(str(made.path), kept._replace(python="3.11.0-other"))
    check = {"path": str(made.path), "lock": str(made.lock)}
    assert observe.venv(check)["hashed"] > 20
    assert made.settle() == SAME
    assert observe.venv(check)["hashed"] == 0


@pytest.mark.parametrize("after", ["take_away", "skeleton", "install", "prove"])
def test_killed_in_the_middle_the_next_run_finishes(made, monkeypatch, after):
    add_distribution(made)
    plant(made.site / "alpha/__init__.py")
    plant(made.path / "pyvenv.cfg", "home = /nowhere\n")
    whole = getattr(venvs, after)

    def die(*arguments):
        if after != "prove":
            whole(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(venvs, after, die)
        with pytest.raises(KeyboardInterrupt):
            made.settle()
    # What was installed again as it was is whole, whoever is gone.
    assert (look(made) == "") == (after in ("install", "prove"))
    made.settle()
    assert look(made) == look(made, deep=True) == ""


def test_half_a_distribution_is_none(made):
    """What uv leaves when it is killed while it copies: files, and no RECORD or one whose files are not all there."""
    shutil.rmtree(made.site / "alpha-1.0.dist-info")
    (made.site / "alpha-1.0.dist-info").mkdir()
    (made.site / "beta/data.txt").unlink()
    assert made.settle()["installed"] == ["alpha", "beta"]
    assert look(made) == ""


def test_a_folder_that_is_no_venv_is_left_alone(tmp_path):
    made = Made(tmp_path)
    plant(made.path / "photo.jpg")
    with pytest.raises(SystemExit, match="no venv: move it away"):
        made.settle()
    assert (made.path / "photo.jpg").exists()


def test_a_full_disk_is_seen_before_anything_is_taken_away(made, monkeypatch):
    plant(made.site / "alpha/__init__.py")
    usage = wheels.shutil.disk_usage(made.path)._replace(free=100)
    monkeypatch.setattr(wheels.shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(SystemExit, match="No space left on device"):
        made.settle()
    assert (made.site / "alpha/data.txt").exists()
    monkeypatch.undo()
    assert made.settle()["installed"] == ["alpha"]


def test_a_disk_that_fills_up_in_the_middle(tmp_path):
    if os.geteuid():
        pytest.skip("needs root to mount a small disk")
    made = Made(tmp_path)
    big = make_wheel(made.cache, "big", files={"big/noise": os.urandom(6_000_000)})
    made.lock.write_text(lock_of(made.alpha, big))
    disk = made.path.parent
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=5m", "tmpfs", disk], check=True, timeout=60)
    try:
        wanted = pins.locked(made.lock.read_text())
        venvs.make(str(made.path))
        venvs.skeleton(str(made.path), UV)
        found, _ = wheel_fetch.fetch(list(wanted.values()), str(made.cache))
        with pytest.raises(SystemExit, match="ended with exit"):
            venvs.install(str(made.path), UV, found)
        assert look(made) != ""
        subprocess.run(["mount", "-o", "remount,size=50m", disk], check=True, timeout=60)
        made.settle()
        assert look(made) == ""
    finally:
        subprocess.run(["umount", disk], check=True, timeout=60)


def test_the_answer_of_the_command(made):
    request = {
        "cache": str(made.cache),
        "uv": {"path": str(made.path.parent / "uv"), "lock": "uv==0 --hash=sha256:00\n"},
        "venvs": [{"path": str(made.path), "lock": str(made.lock), "allow": [], "index_url": ""}],
        "check": True,
    }
    assert venvs.answer(request) == {"changed": True, "uv": True, "downloaded": [], "venvs": {str(made.path): SAME}}
    with pytest.raises(SystemExit, match="error: No such file or directory: "):
        venvs.answer({**request, "venvs": [{"path": str(made.path), "lock": "/nonexistent"}]})


class TestPlace:
    """A wheel of a working tree in a venv: compared by content."""

    @pytest.fixture
    def wheel(self, made):
        path = make_wheel(made.path.parent, "tool", scripts=["tool = tool:main"])
        assert self.place(made, path) == {"changed": True, "installed": [path.name]}
        return path

    def place(self, made, wheel, check=False):
        request = {"op": "install", "path": str(made.path), "wheel": str(wheel), "uv": UV, "check": check}
        return venvs.answer(request)

    def look(self, made, wheel):
        check = {"path": str(made.path), "wheel": str(wheel)}
        result = judge(Check("r", "n", "state", "wheel", check), {"seen": observe.wheel(check)}, "production")
        return result.observed if result.outcome.value == "fail" else ""

    @pytest.mark.parametrize("size", [0, 100])
    def test_its_file_is_damaged(self, made, wheel, size):
        os.truncate(wheel, size)
        assert self.look(made, wheel).endswith(f"{wheel.name} is no whole wheel")

    def test_it_is_there(self, made, wheel):
        assert self.look(made, wheel) == ""
        assert observe.wheel({"path": str(made.path), "wheel": str(wheel)})["hashed"] == 0
        assert self.place(made, wheel) == {"changed": False, "installed": []}
        assert look(made, allow="tool") == look(made, allow="tool", deep=True) == ""
        assert made.settle("tool") == SAME
        assert self.look(made, wheel) == ""

    @pytest.mark.parametrize(
        ("spoil", "words"),
        [
            (lambda made: plant(made.site / "tool/__init__.py"), "tool/__init__.py changed by hand"),
            (lambda made: rewrite(made.site / "tool/data.txt", b"evil"), "tool/data.txt changed by hand"),
            (lambda made: (made.bin / "tool").unlink(), "bin/tool is gone"),
            (lambda made: plant(made.bin / "tool"), "bin/tool changed by hand"),
            (lambda made: plant(made.site / "tool-1.0.dist-info/RECORD"), "tool-1.0.dist-info/RECORD changed by hand"),
            (lambda made: shutil.rmtree(made.site / "tool-1.0.dist-info"), "tool is not installed, the wheel is 1.0"),
        ],
    )
    def test_what_is_spoilt_is_installed_again(self, made, wheel, spoil, words):
        spoil(made)
        assert self.look(made, wheel).startswith(words)
        made.settle("tool")
        assert self.look(made, wheel).startswith(words.split(" ")[0]), "that it was settled proves no wheel"
        assert self.place(made, wheel, check=True)["changed"]
        assert self.place(made, wheel)["changed"]
        assert self.look(made, wheel) == look(made, allow="tool") == ""
        assert not self.place(made, wheel)["changed"]

    @pytest.mark.parametrize("gone", ["", "RECORD"])
    def test_its_notes_are_gone_while_something_else_is_mended(self, made, wheel, gone):
        notes = made.site / "tool-1.0.dist-info" / gone
        notes.unlink() if gone else shutil.rmtree(notes)
        (made.site / "alpha/__init__.py").unlink()
        done = made.settle("tool")
        assert done["installed"] == ["alpha"]
        assert self.place(made, wheel)["changed"]
        assert self.look(made, wheel) == look(made, allow="tool") == ""

    def test_another_wheel_under_one_version(self, made, wheel):
        make_wheel(made.path.parent, "tool", files={"tool/new.py": b"new = 1\n"}, scripts=["tool = tool:main"])
        assert self.look(made, wheel) == "tool/new.py is gone"
        assert self.place(made, wheel)["changed"]
        assert self.look(made, wheel) == look(made, allow="tool") == ""

    def test_a_newer_version(self, made, wheel):
        newer = make_wheel(made.path.parent, "tool", "2.0")
        assert self.look(made, newer) == "tool is 1.0, the wheel is 2.0"
        assert self.place(made, newer)["changed"]
        assert not (made.bin / "tool").exists()
        assert self.look(made, newer) == look(made, allow="tool") == ""

    def test_a_venv_that_is_made_anew_loses_it(self, made, wheel):
        shutil.rmtree(made.path)
        made.settle("tool")
        assert self.look(made, wheel) == "tool is not installed, the wheel is 1.0"
        assert self.place(made, wheel)["changed"]

    def test_no_venv(self, tmp_path):
        made = Made(tmp_path)
        assert self.place(made, made.alpha, check=True) == {"changed": False, "installed": []}
        with pytest.raises(SystemExit, match="deploy the role python_env first"):
            self.place(made, made.alpha)


def test_a_wheel_that_is_no_zip_fails_with_words(made):
    (made.cache / "bad-1.0-py3-none-any.whl").write_text("no zip")
    with pytest.raises(zipfile.BadZipFile):
        venvs.answer(
            {
                "op": "install",
                "path": str(made.path),
                "wheel": str(made.cache / "bad-1.0-py3-none-any.whl"),
                "uv": UV,
                "check": False,
            }
        )


def test_the_python_that_runs_it_makes_it(made):
    done = subprocess.run([made.bin / "python", "--version"], capture_output=True, text=True, timeout=60)
    assert done.stdout.split()[1] == "{}.{}.{}".format(*sys.version_info)


def test_a_venv_that_came_in_a_copy_is_hashed_once(made):
    check = {"path": str(made.path), "lock": str(made.lock)}
    for path in made.path.rglob("*"):
        os.utime(path, follow_symlinks=False)
    stamp = made.path / ".dgops"
    stamp.chmod(0o640)
    os.chown(stamp, 12345, 12345)
    time.sleep(0.2)
    assert observe.venv(check)["hashed"] > 20
    assert observe.venv(check)["hashed"] == 0
    assert (stamp.stat().st_uid, stamp.stat().st_mode & 0o777) == (12345, 0o640)
    assert not list(made.path.glob(".dgops.*"))


def test_what_differs_is_hashed_until_it_is_mended(made):
    check = {"path": str(made.path), "lock": str(made.lock)}
    for path in made.site.rglob("*.py"):
        os.utime(path)
    (made.site / "alpha/__init__.py").write_text("x = 1\n")
    time.sleep(0.2)
    first = observe.venv(check)
    assert first["total"] == 1
    assert observe.venv(check) == first
