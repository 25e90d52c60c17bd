"""dgops secrets: set, list and unset what deploys and jobs are handed; no value is ever printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dgops.cli.render import columns, print_json
from dgops.errors import UsageError

if TYPE_CHECKING:
    from dgops.settings import Settings

SILENT = "a command line shows in process lists and in the shell's history: dgops secrets set NAME asks for the value"


@click.group()
def secrets() -> None:
    """Keep tokens in the keyring; hand them to deploys and jobs.

    A host gets those that its inventory names (dgops_secrets: [HF_TOKEN]), a job those of its host and its own.
    The keyring comes first, then the environment variable of the same name.
    """


@secrets.command("set", short_help="Put a secret into the keyring.")
@click.argument("name")
@click.argument("more", nargs=-1, metavar="")
@click.option("--json", "as_json", is_flag=True, help="Print what was kept, without the value, as JSON.")
def set_secret(name: str, more: tuple[str, ...], as_json: bool) -> None:
    """Put a secret into the keyring; the value is asked for, or read from stdin where that is no terminal."""
    from dgops.hosts import keyring_store
    from dgops.hosts.secrets import value_fault

    # click's own complaint would print the value.
    if more or "=" in name:
        raise UsageError("a value is never taken from the command line", SILENT)
    _require_name(name)
    # A keyring that is not there should be known of before a value is typed.
    replaced = bool(keyring_store.held([name]))
    value = _read_value(name)
    if fault := value_fault(value):
        raise UsageError(f"the value {fault}" if value else "there is no value", f"nothing was kept for {name}")
    keyring_store.keep(name, value)
    if as_json:
        print_json({"ok": True, "name": name, "source": "keyring", "replaced": replaced})
        return
    click.echo(f"{name}  {'replaced' if replaced else 'kept'} in the keyring")
    click.echo(f"next: dgops_secrets: [{name}] in the inventory, for the hosts that want it", err=True)


@secrets.command("list", short_help="List secrets by name, and where each comes from.")
@click.option("--json", "as_json", is_flag=True, help="Print names, sources and who wants them as JSON.")
@click.pass_obj
def list_secrets(settings: Settings, as_json: bool) -> None:
    """List the secrets known here, where each comes from, and the hosts that want it; never a value."""
    from dgops.hosts import inventory
    from dgops.hosts.secrets import listed

    found, trouble = listed(list(inventory.remembered(settings).hosts.values()))
    if as_json:
        rows = [{"name": one.name, "source": one.source, "wanted_by": list(one.wanted_by)} for one in found]
        print_json({"ok": True, "secrets": rows, "trouble": trouble or None})
        return
    if trouble:
        click.echo(f"warning: {trouble}; only the environment counts", err=True)
    if not found:
        click.echo("no secrets yet", err=True)
        click.echo("hint: dgops secrets set HF_TOKEN" if not trouble else "hint: export HF_TOKEN=…", err=True)
        return
    cells = [(one.name, _source(one.source), ", ".join(one.wanted_by) or "-") for one in found]
    for line in columns([("NAME", "FROM", "WANTED BY"), *cells]):
        click.echo(line)


@secrets.command(short_help="Take a secret out of the keyring.")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print what was removed as JSON.")
def unset(name: str, as_json: bool) -> None:
    """Take a secret out of the keyring; one that is not there is no error."""
    import os

    from dgops.hosts import keyring_store

    _require_name(name)
    removed = keyring_store.remove(name)
    if as_json:
        print_json({"ok": True, "name": name, "removed": removed})
    else:
        click.echo(f"{name}  {'removed from the keyring' if removed else 'was not in the keyring'}")
    if os.environ.get(name):
        click.echo(f"note: {name} is still in the environment, which counts where the keyring has none", err=True)


def _require_name(name: str) -> None:
    from dgops.hosts.secrets import NAME, name_fault

    if fault := name_fault(name):
        # What is no name may be a value that was typed in its place.
        word = name if NAME.fullmatch(name) else "that"
        raise UsageError(f"{word} {fault}", "a secret is named as its environment variable, such as HF_TOKEN")


def _read_value(name: str) -> str:
    """Return the value as typed without echo, or as stdin has it; the end of a line is part of a key file only."""
    from dgops.hosts.secrets import LONGEST

    if not sys.stdin:
        return ""
    if sys.stdin.isatty():
        typed: str = click.prompt(f"{name} (not shown)", hide_input=True, default="", show_default=False, err=True)
        return typed.strip()
    data: bytes = sys.stdin.buffer.read(LONGEST + 2)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise UsageError("the value is not UTF-8", f"nothing was kept for {name}") from None
    line = text.rstrip("\r\n")
    return text if "\n" in line else line


def _source(source: str) -> str:
    return click.style(source, fg="red") if source == "missing" else source
