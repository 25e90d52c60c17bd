"""How packages are installed: another apt is waited for, a cut network is named by apt's own words."""

import os
import subprocess

import pytest
from role_programs import ROLES

PROGRAM = (ROLES / "base/files/install.sh").read_text()


@pytest.fixture
def install(tmp_path):
    """Return `install(**scripts)`: runs install.sh with these bodies of apt-get and dpkg."""
    programs = tmp_path / "bin"
    programs.mkdir()

    def run(seconds="4", dpkg="exit 0", apt_get="exit 0"):
        for name, body in (("dpkg", dpkg), ("apt-get", apt_get)):
            (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >>{tmp_path}/log\n{body}\n')
            (programs / name).chmod(0o755)
        env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
        argv = ["sh", "-s", "--", seconds, "tmux", "rsync"]
        done = subprocess.run(argv, input=PROGRAM, env=env, capture_output=True, text=True, timeout=60)
        return done, (tmp_path / "log").read_text().splitlines()

    return run


def test_the_order(install):
    done, log = install()
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(" -")[0] for line in log] == ["dpkg", "apt-get update", "apt-get install"]
    assert log[-1].endswith("tmux rsync")


def test_another_apt_is_waited_for(install, tmp_path):
    first = f"[ -e {tmp_path}/over ] && exit 0; touch {tmp_path}/over; echo 'E: Could not get lock /x' >&2; exit 100"
    done, log = install(apt_get=first)
    assert done.returncode == 0, done.stderr
    assert len(log) == 4


def test_the_wait_for_another_apt_ends(install):
    done, _ = install(seconds="1", apt_get="echo 'E: Could not get lock /x. It is held by process 7' >&2; exit 100")
    assert done.returncode == 1
    assert "is held by process 7" in done.stderr


def test_the_first_error_is_the_cause(install):
    body = (
        'case "$1" in update) echo "W: Failed to fetch http://deb.example  Temporary failure resolving deb.example" ;;'
        ' install) echo "E: Unable to locate package tmux" >&2; exit 100 ;; esac'
    )
    done, _ = install(apt_get=body)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert "Temporary failure resolving" in lines[0]
    assert lines[-1] == "E: Unable to locate package tmux"


def test_an_index_that_cannot_be_had_is_no_failure_where_packages_can(install):
    done, _ = install(apt_get='[ "$1" = install ] || { echo "E: no such index"; exit 100; }')
    assert done.returncode == 0


def test_a_dpkg_that_cannot_be_mended_is_named(install):
    done, log = install(dpkg="echo 'dpkg: error processing package x' >&2; exit 1")
    assert done.returncode == 1
    assert "error processing package x" in done.stderr
    assert len(log) == 1
