"""What the agent sees of files, users, packages, git and venvs."""

import getpass
import hashlib
import os
import subprocess
import time

import pytest

from dgops.agent import observe


def test_a_file(tmp_path):
    path = tmp_path / "f"
    path.write_text("one\ntwo\n")
    path.chmod(0o440)
    seen = observe.file({"path": str(path), "contains": ["two", "three"], "sha256": "x"})
    assert (seen["kind"], seen["mode"], seen["owner"]) == ("file", "0440", getpass.getuser())
    assert seen["missing"] == ["three"]
    assert seen["sha256"] == hashlib.sha256(b"one\ntwo\n").hexdigest()


def test_content_is_only_read_when_asked_for(tmp_path):
    (tmp_path / "f").write_text("x")
    assert "sha256" not in observe.file({"path": str(tmp_path / "f")})


def test_links_are_not_followed(tmp_path):
    (tmp_path / "l").symlink_to("/etc/shadow")
    seen = observe.file({"path": str(tmp_path / "l"), "sha256": "x"})
    assert (seen["kind"], seen["target"]) == ("link", "/etc/shadow")
    assert "sha256" not in seen


def test_links_are_followed_where_that_is_asked_for(tmp_path):
    (tmp_path / "f").write_text("x")
    (tmp_path / "l").symlink_to("f")
    assert observe.file({"path": str(tmp_path / "l"), "follow": True})["kind"] == "file"
    (tmp_path / "f").unlink()
    assert observe.file({"path": str(tmp_path / "l"), "follow": True}) == {"exists": False}


MARK = "# {mark} x"


@pytest.mark.parametrize(
    ("lines", "marker", "expected"),
    [
        (["a", "b"], "", "whole"),
        (["a", "a", "b", "c"], "", "whole"),
        (["a\r", "b\r"], "", "whole"),
        (["a", "x", "b"], "", "absent"),
        (["b", "a"], "", "absent"),
        (["# BEGIN x", "a", "b", "# END x"], MARK, "whole"),
        (["# BEGIN x", "a", "# BEGIN x", "a", "b", "# END x"], MARK, "whole"),
        (["# BEGIN x", "a", "c", "# END x"], MARK, "altered"),
        (["# BEGIN x", "a", "b", "c", "# END x"], MARK, "altered"),
        (["# END x", "a", "b", "# BEGIN x"], MARK, "altered"),
        (["# BEGIN x", "a", "b"], MARK, "absent"),
        (["a", "b", "# END x"], MARK, "absent"),
        (["a", "b"], MARK, "absent"),
        ([], MARK, "absent"),
    ],
)
def test_a_block_of_lines(tmp_path, lines, marker, expected):
    (tmp_path / "f").write_text("".join(line + "\n" for line in lines))
    check = {"path": str(tmp_path / "f"), "block": ["a", "b"], **({"marker": marker} if marker else {})}
    assert observe.file(check)["block"] == expected


@pytest.mark.parametrize("path", ["/nonexistent/x", "/etc/passwd/x"])
def test_absent(path):
    assert observe.file({"path": path}) == {"exists": False}


def test_users():
    assert observe.user({"user": "root"})["home"] == "/root"
    assert observe.user({"user": "nobody-of-that-name"}) == {"exists": False}


def test_packages(tmp_path, monkeypatch):
    status = tmp_path / "status"
    status.write_text(
        "Package: git\nStatus: install ok installed\n\nPackage: gone\nStatus: deinstall ok config-files\n\n"
        "Package: half\nStatus: install ok half-installed\n\nPackage: held\nStatus: hold ok installed\n"
    )
    monkeypatch.setattr(observe, "DPKG_STATUS", str(status))
    observe.installed_packages.cache_clear()
    assert observe.package({"names": "git gone half held nope"}) == {"missing": ["gone", "half", "nope"]}
    observe.installed_packages.cache_clear()


def test_a_command_that_hangs_is_killed_with_its_children():
    started = time.monotonic()
    seen = observe.command({"argv": ["sh", "-c", "sleep 60 & sleep 60"], "timeout": 0.3})
    assert seen["rc"] == 124
    assert time.monotonic() - started < 10


def test_git_config_follows_no_include(tmp_path, monkeypatch):
    secret = tmp_path / "other"
    secret.write_text("[user]\n\tname = stolen\n")
    config = tmp_path / ".gitconfig"
    config.write_text(f"[include]\n\tpath = {secret}\n[core]\n\tsshCommand = ssh -i k\n")
    monkeypatch.setattr(observe.pwd, "getpwnam", lambda _: _Entry(str(tmp_path)))
    observe.git_values.cache_clear()
    assert observe.git_config({"user": "x", "key": "core.sshCommand"}) == {"values": ["ssh -i k"]}
    assert observe.git_config({"user": "x", "key": "user.name"}) == {"values": []}


class _Entry:
    def __init__(self, home):
        self.pw_dir = home


def test_no_venv(tmp_path):
    assert observe.venv({"path": str(tmp_path), "lock": "/dev/null"}) == {"exists": False}
    assert observe.wheel({"path": str(tmp_path), "wheel": "/dev/null"}) == {"exists": False}


def test_running_as_somebody_else():
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    returncode, output = observe.run(["id", "-un"], "nobody", 5)
    assert (returncode, output.strip()) == (0, "nobody")


def test_a_clean_environment(monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    assert "SECRET" not in observe.run(["env"], None, 5)[1]


def test_the_zip_runs_alone(tmp_path):
    from dgops.transport import agent

    path = tmp_path / "agent.pyz"
    path.write_bytes(agent.archive())
    done = subprocess.run(["python3", "-I", str(path), "probe"], input=b"{}", capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert b'"facts"' in done.stdout
