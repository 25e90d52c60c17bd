"""dgops image: what is printed where, and the exit codes."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from dgops.cli import main
from dgops.cli.image import KINDS
from dgops.cli.main import cli
from dgops.errors import DgopsError, UsageError
from dgops.images import build as building
from dgops.images import kinds
from dgops.images.build import Built


def run(*words):
    return CliRunner().invoke(cli, ["image", *words], catch_exceptions=True)


@pytest.fixture
def built(monkeypatch):
    """Return the orders that a build was asked for; it says something and is there at once."""
    orders = []

    def build(order, settings, watcher, report):
        orders.append(order)
        report("a step")
        print("a recap")
        manifest = {"commit": "a1b2c3d4e5f6a7b8", "packages": {"git": "2.39"}}
        return Built(Path("dist/x.wsl"), "f" * 64, 248_000_000, manifest)

    monkeypatch.setattr(building, "build", build)
    return orders


def test_data_on_stdout_and_progress_on_stderr(built):
    found = run("build", "--kind", "wsl", "--out", "x.wsl", "--profile", "cu121")
    assert found.exit_code == 0
    assert found.stdout == f"dist/x.wsl  248 MB\nsha256 {'f' * 64}\ncommit a1b2c3d4e5f6, 1 packages\n"
    assert found.stderr == "a step\na recap\n"
    assert (built[0].kind, built[0].profile, built[0].out) == ("wsl", "cu121", Path("x.wsl"))


def test_as_json(built):
    found = json.loads(run("build", "--kind", "pod", "--json").stdout)
    assert found["ok"] is True
    assert found["sha256"] == "f" * 64
    assert found["bytes"] == 248_000_000
    assert found["manifest"]["packages"] == {"git": "2.39"}


def test_the_kinds_are_those_that_can_be_built():
    assert set(KINDS) == set(kinds.KINDS)
    assert run("build", "--kind", "vhd").exit_code == 2
    assert run("build").exit_code == 2


def test_a_refusal_goes_through(monkeypatch):
    def refuse(*_words):
        raise DgopsError("no", "yes")

    monkeypatch.setattr(building, "build", refuse)
    found = run("build", "--kind", "wsl")
    assert isinstance(found.exception, DgopsError)


def distro(**files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"./etc/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    Path("x.wsl").write_bytes(gzip.compress(out.getvalue()))


def test_a_check_names_rule_finding_and_mend():
    distro(passwd=b"root:x:0:0::/root:/bin/sh\n")
    found = run("check", "x.wsl")
    assert found.exit_code == 1
    assert "error  the shell starts\n        found  /bin/sh is no program" in found.stdout
    assert "        mend   install a shell\n" in found.stdout
    assert found.stdout.splitlines()[-1].startswith("fail  x.wsl: 29 rules, 4 broken")
    assert json.loads(run("check", "x.wsl", "--json").stdout)["ok"] is False


def test_what_a_file_says_cannot_steer_the_terminal():
    distro(**{"wsl.conf": b"[\x1b[31m\nx"})
    assert "\x1b[31m" not in run("check", "x.wsl").stdout


def test_no_file_is_a_usage_error():
    assert isinstance(run("check", "none.wsl").exception, UsageError)


def test_the_command_is_listed():
    assert "image" in main.COMMANDS
