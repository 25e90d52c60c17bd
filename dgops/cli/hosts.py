"""dgops hosts: list, add and reach hosts, and run one thing on many of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dgops.cli.options import host_option
from dgops.cli.render import coloured, columns, plain, print_error, print_json
from dgops.errors import DgopsError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dgops.hosts.host import Host
    from dgops.settings import Settings
    from dgops.transport.enroll import Enrolled

FACTS = ("hostname", "os", "kernel", "arch", "python", "cpus", "memory_mb", "user")


@click.group()
def hosts() -> None:
    """List, add and reach hosts, and run one thing on many of them."""


@hosts.command("list", short_help="List hosts and whether their keys are pinned.")
@click.option("--json", "as_json", is_flag=True, help="Print the hosts as JSON.")
@click.pass_obj
def list_hosts(settings: Settings, as_json: bool) -> None:
    """List the hosts of every inventory in use, and whether their host keys are pinned."""
    from dgops.hosts import inventory
    from dgops.transport.known_hosts import KnownHosts

    found = inventory.load(settings)
    known_hosts = KnownHosts(settings.state / "known_hosts")
    pins = {name: len(known_hosts.keys(host.alias)) for name, host in found.hosts.items()}
    if as_json:
        listed = {name: _to_json(host, pins[name]) for name, host in found.hosts.items()}
        print_json({"ok": True, "hosts": listed, "groups": {name: list(of) for name, of in found.groups.items()}})
        return
    if not found.hosts:
        click.echo("no hosts yet", err=True)
        click.echo("hint: dgops sandbox up, or dgops hosts add NAME 'ssh root@IP -p PORT -i KEY'", err=True)
        return
    head = ("HOST", "REACHED BY", "GROUPS", "KEY", "INVENTORY")
    rows = [_row(host, pins[name]) for name, host in found.hosts.items()]
    for line in columns([head, *rows]):
        click.echo(line)


def _row(host: Host, pins: int) -> tuple[str, ...]:
    user = f"{host.user}@" if host.user else ""
    port = f" port {host.port}" if host.port else ""
    reached = f"{user}{host.address or host.name}{port}" if host.connection == "ssh" else host.connection
    key = ("pinned" if pins else "none") if host.connection == "ssh" else "-"
    return host.name, reached, ", ".join(host.groups) or "-", key, _short(host.inventory)


def _to_json(host: Host, pins: int) -> dict[str, Any]:
    return {
        "connection": host.connection,
        "address": host.address or None,
        "port": host.port,
        "user": host.user,
        "identity": str(host.identity) if host.identity else None,
        "groups": list(host.groups),
        "key_pinned": bool(pins),
        "inventory": str(host.inventory),
    }


def _short(path: Path) -> str:
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


@hosts.command(short_help="Take a host in from its ssh line.")
@click.argument("name")
@click.argument("ssh_line", required=False)
@click.option("--fingerprint", metavar="SHA256:…", help="Take the host only if it shows a key with this fingerprint.")
@click.option("--json", "as_json", is_flag=True, help="Print what was pinned as JSON.")
@click.pass_obj
def add(settings: Settings, name: str, ssh_line: str | None, fingerprint: str | None, as_json: bool) -> None:
    """Take a host in from its ssh line: write it to inventories/local and pin its host key.

    SSH_LINE is what the provider shows, in quotes: 'ssh root@IP -p PORT -i KEY'. Adding a host again replaces
    its address and its key. Without SSH_LINE only the key of a host that is already listed is pinned anew.
    """
    from dgops.transport import enroll

    if ssh_line:
        done = enroll.add(settings, name, ssh_line, fingerprint)
    else:
        done = enroll.pin_again(settings, name, fingerprint)
    if as_json:
        print_json(_enrolled_json(done))
    else:
        _print_enrolled(done)
    _warn_if_unused(settings, done)


def _enrolled_json(done: Enrolled) -> dict[str, Any]:
    from dgops.transport.known_hosts import fingerprint, kind

    return {
        "ok": True,
        "host": done.name,
        "changed": done.changed,
        "verified": done.verified,
        "file": str(done.file) if done.file else None,
        "pinned": [{"type": kind(key), "fingerprint": fingerprint(key)} for key in done.pinned],
        "replaced": [{"type": kind(key), "fingerprint": fingerprint(key)} for key in done.replaced],
    }


def _print_enrolled(done: Enrolled) -> None:
    from dgops.transport.known_hosts import described

    click.echo(f"{done.name}  {done.where}  {'pinned' if done.changed else 'unchanged'}")
    for key in done.replaced:
        click.echo(f"  was  {described(key)}")
    for key in done.pinned:
        click.echo(f"  now  {described(key)}" if done.replaced else f"  key  {described(key)}")
    if done.file:
        click.echo(f"  in   {_short(done.file)}")
    if done.verified:
        click.echo("the key has the fingerprint that you gave", err=True)
    elif done.changed:
        click.echo(
            "compare a fingerprint with what the host prints in its console; nobody has vouched for it", err=True
        )
    click.echo(f"next: dgops deploy --host {done.name}", err=True)


def _warn_if_unused(settings: Settings, done: Enrolled) -> None:
    from dgops.hosts import inventory

    if done.file and not any(done.file.is_relative_to(source.absolute()) for source in inventory.sources(settings)):
        source = settings.values["inventory"].source
        click.echo(f"warning: {done.file.parent} is not among the inventories that {source} names", err=True)


@hosts.command("ssh-config", short_help="Print or write an ssh configuration for all hosts.")
@click.option("--write", is_flag=True, help="Put it where ssh finds it: a file of its own and one Include line.")
@click.option("--json", "as_json", is_flag=True, help="Print it, or what was written, as JSON.")
@click.pass_obj
def ssh_config(settings: Settings, write: bool, as_json: bool) -> None:
    """Print an ssh configuration for every host, as strict about host keys as dgops itself."""
    from dgops.hosts import inventory
    from dgops.transport import ssh_config as config

    found = list(inventory.load(settings).hosts.values())
    if not write:
        text = config.render(found, settings)
        print_json({"ok": True, "config": text}) if as_json else click.echo(text, nl=False)
        return
    target = Path("~/.ssh/config").expanduser()
    written = config.write(found, settings)
    included = config.include(target, written)
    names = [host.name for host in found if host.connection == "ssh"]
    if as_json:
        print_json({"ok": True, "file": str(written), "included_in": str(target), "changed": included, "hosts": names})
        return
    click.echo(f"wrote {_short(written)}  ({', '.join(names) or 'no hosts'})")
    click.echo(f"{'added an Include line to' if included else 'already included in'} {target}")
    if names:
        click.echo(f"next: ssh {names[0]}", err=True)


@hosts.command(
    "exec", short_help="Run one command on many hosts at once.", context_settings={"allow_interspersed_args": False}
)
@host_option(required=True)
@click.option("--timeout", type=click.FloatRange(min=1), default=60.0, show_default=True, help="Seconds per host.")
@click.option("--json", "as_json", is_flag=True, help="Print each host's exit code and output as JSON.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_context
def execute(ctx: click.Context, host: str, timeout: float, as_json: bool, command: tuple[str, ...]) -> None:
    """Run one command on many hosts at once: exec --host pods -- nvidia-smi -L

    The words after -- reach the host as they are. For a pipe: -- sh -c 'ls | wc -l'
    """
    from dgops.hosts import inventory
    from dgops.transport import fanout

    chosen = inventory.load(ctx.obj).select(host)
    answers = fanout.execute(chosen, command, ctx.obj, timeout)
    width = max(len(one.name) for one in chosen) + 2 if len(chosen) > 1 else 0
    found = {answer["host"]: answer for answer in _shown(answers, width, quiet=as_json)}
    _finish(ctx, [one.name for one in chosen], found, as_json)


def _shown(answers: Iterable[dict[str, Any]], width: int, *, quiet: bool) -> Iterator[dict[str, Any]]:
    """Pass answers on; print each as it comes: output on stdout, the rest on stderr, a name before each line."""
    for answer in answers:
        if not quiet:
            name = f"{answer['host']:<{width}}" if width else ""
            for stream, on_stderr in (("stdout", False), ("stderr", True)):
                for line in (answer.get(stream) or "").splitlines():
                    click.echo(f"{name}{plain(line)}", err=on_stderr)
            if answer.get("exit"):
                click.echo(f"{answer['host']}  {coloured('failed')}  exit {answer['exit']}", err=True)
        yield answer


@hosts.command(short_help="Show system, Python, CPUs, memory and user of hosts.")
@host_option(required=True)
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
@click.pass_context
def facts(ctx: click.Context, host: str, as_json: bool) -> None:
    """Show what hosts are: system, kernel, Python, CPUs, memory, the login user."""
    from dgops.hosts import inventory
    from dgops.transport import fanout

    chosen = inventory.load(ctx.obj).select(host)
    found = {answer["host"]: answer for answer in fanout.facts(chosen, ctx.obj)}
    rows = [
        (one.name, *(plain(str(found[one.name]["facts"][fact] or "-")) for fact in FACTS))
        for one in chosen
        if found[one.name].get("facts")
    ]
    if rows and not as_json:
        for line in columns([("HOST", *(fact.upper() for fact in FACTS)), *rows]):
            click.echo(line)
    _finish(ctx, [one.name for one in chosen], found, as_json)


def _finish(ctx: click.Context, names: list[str], found: dict[str, dict[str, Any]], as_json: bool) -> None:
    """Say what went wrong where, and exit: 1 for a failed command, else 3 for an unreachable host, else 0."""
    outcomes = [found[name]["outcome"] for name in names]
    code = 1 if "failed" in outcomes else 3 if "unreachable" in outcomes else 0
    if as_json:
        rows = {name: {key: value for key, value in found[name].items() if key != "host"} for name in names}
        print_json({"ok": code == 0, "hosts": rows})
    else:
        for name in names:
            if found[name].get("error"):
                kind = UnreachableError if found[name]["outcome"] == "unreachable" else DgopsError
                print_error(kind(found[name]["error"], found[name].get("hint") or ""))
    ctx.exit(code)
