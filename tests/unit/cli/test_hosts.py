import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from dgops.cli.main import cli
from dgops.errors import UsageError

FAKES = """
all:
  children:
    good:
      hosts:
        one:
        two:
    bad:
      hosts:
        broken: {dgops_fake_answers: [{argv: [sh], stderr: "no\\n", returncode: 4}]}
        gone: {dgops_fake_answers: [{argv: [sh], unreachable: no answer}]}
  vars:
    ansible_connection: fake
    dgops_fake_answers: [{argv: [sh], stdout: "hello\\e[31m\\n"}]
"""


@pytest.fixture(autouse=True)
def fakes():
    Path("dgops.toml").touch()
    path = Path("inventories/local/hosts.yml")
    path.parent.mkdir(parents=True)
    path.write_text(FAKES)


def run(*words):
    return CliRunner().invoke(cli, ["hosts", *words], catch_exceptions=True)


def test_list():
    found = run("list")
    assert found.exit_code == 0
    assert found.stdout.splitlines()[0].split() == ["HOST", "REACHED", "BY", "GROUPS", "KEY", "INVENTORY"]
    assert found.stdout.splitlines()[1].split() == ["one", "fake", "good", "-", "inventories/local"]
    assert json.loads(run("list", "--json").stdout)["hosts"]["gone"]["groups"] == ["bad"]


def test_list_without_hosts_says_how_to_get_one():
    Path("inventories/local/hosts.yml").unlink()
    found = run("list")
    assert (found.exit_code, found.stdout) == (0, "")
    assert "dgops hosts add" in found.stderr


def test_exec_shows_output_by_host_and_exits_by_the_worst():
    assert run("exec", "--host", "good", "--", "x").exit_code == 0
    assert run("exec", "--host", "gone:good", "--", "x").exit_code == 3
    found = run("exec", "--host", "all", "--", "x", "-y")
    assert found.exit_code == 1
    # No host steers the terminal.
    assert sorted(found.stdout.splitlines()) == ["one     hello?[31m", "two     hello?[31m"]
    assert "broken  no\n" in found.stderr
    assert "broken  failed  exit 4" in found.stderr
    assert "error: gone: no answer" in found.stderr


def test_exec_json():
    found = run("exec", "--host", "good:gone", "--json", "x")
    value = json.loads(found.stdout)
    assert (found.exit_code, value["ok"], list(value["hosts"])) == (3, False, ["one", "two", "gone"])
    assert set(value["hosts"]["one"]) == {"outcome", "exit", "stdout", "stderr", "error", "hint", "seconds"}
    assert set(value["hosts"]["one"]) == set(value["hosts"]["gone"])


def test_facts_of_a_host_that_is_gone():
    found = run("facts", "--host", "gone")
    assert (found.exit_code, found.stdout) == (3, "")
    assert "error: gone: no answer" in found.stderr


def test_an_unknown_host_has_near_matches():
    found = run("exec", "--host", "goof", "--", "x")
    assert isinstance(found.exception, UsageError)
    assert "did you mean good" in found.exception.hint


def test_ssh_config_is_printed_and_written(tmp_path):
    Path("inventories/local/pod.yml").write_text(
        "all: {hosts: {pod: {ansible_host: 203.0.113.7, ansible_connection: ssh}}}\n"
    )
    assert "Host pod\n  HostName 203.0.113.7\n" in run("ssh-config").stdout
    written = run("ssh-config", "--write")
    assert written.stdout.splitlines() == [
        "wrote .dgops/ssh/config  (pod)",
        f"added an Include line to {Path.home()}/.ssh/config",
    ]
    assert "already included" in run("ssh-config", "--write").stdout
    value = json.loads(run("ssh-config", "--write", "--json").stdout)
    assert (value["changed"], value["hosts"]) == (False, ["pod"])


def test_add_says_what_is_wrong_with_the_line():
    for line, word in (("ssh x@ssh.runpod.io", "RunPod's proxy"), ("ssh root@h -p x", "not a port")):
        found = run("add", "new", line)
        assert isinstance(found.exception, UsageError)
        assert word in found.exception.message
    assert not Path("inventories/local/new.yml").exists()
