from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from dgops.cli.main import cli
from dgops.hosts import inventory
from dgops.settings import load

HOSTS = "all:\n  children:\n    pods:\n      hosts:\n        pod-a:\n        pod-b:\n  hosts:\n    gadget:\n"


@pytest.fixture
def known():
    Path("dgops.toml").touch()
    path = Path("inventories/local/hosts.yml")
    path.parent.mkdir(parents=True)
    path.write_text(HOSTS)
    inventory.load(load())


def complete(*words):
    *before, last = words
    found = ShellComplete(cli, {}, "dgops", "_DGOPS_COMPLETE").get_completions(list(before), last)
    return [item.value for item in found]


def test_hosts_and_groups_are_completed(known):
    assert complete("hosts", "exec", "--host", "po") == ["pod-a", "pod-b", "pods"]
    assert complete("hosts", "facts", "--host", "all:!po") == ["all:!pod-a", "all:!pod-b", "all:!pods"]
    assert "gadget" in complete("hosts", "facts", "--host", "")
    assert "ungrouped" not in complete("hosts", "facts", "--host", "")


def test_nothing_known_and_broken_settings_complete_nothing():
    assert complete("hosts", "facts", "--host", "po") == []
    Path("dgops.toml").write_text("forks = 'many'\n")
    assert complete("hosts", "facts", "--host", "po") == []


def test_the_option_may_be_required():
    from dgops.cli.options import host_option

    @click.command()
    @host_option(required=True)
    def command(host):
        pass

    with pytest.raises(click.MissingParameter):
        command.main([], standalone_mode=False)
