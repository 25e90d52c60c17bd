"""dgops wheels: fetch, list, verify, pack and prune a wheel cache, a host's or this machine's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dgops.cli.options import host_option
from dgops.cli.render import columns, plain, print_error, print_json
from dgops.cli.wheel_places import HERE, ask, places
from dgops.errors import DgopsError, UnreachableError, UsageError
from dgops.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dgops.cli.wheel_places import Place

    Show = Callable[[Place, dict[str, Any]], bool]

MEGA = 1000000
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def lock_option(help_text: str) -> Callable[[Any], Any]:
    """Return the option --lock with what its absence means."""
    return click.option(
        "--lock", "locks", multiple=True, metavar="NAME", help=f"A lock; may be given again. {help_text}"
    )


@click.group()
def wheels() -> None:
    """Fetch, list, verify, pack and prune the wheels that venvs are made from.

    With --host on that host's cache, else on this machine's: /mnt/c/linuxdownloads on WSL, the folder wheel-cache
    below the setting `cache` elsewhere. A cache is a flat folder of whole wheels, for Windows' Python and for
    containers too.
    """


@wheels.command(short_help="Download what locks need and the cache lacks.")
@host_option(required=False)
@lock_option("By default those of the host's venvs.")
@json_option
@click.pass_context
def fetch(ctx: click.Context, host: str | None, locks: tuple[str, ...], as_json: bool) -> None:
    """Look into the cache first, download what is missing, replace what is not what its lock says.

    On a volume that is a network's an archive of each lock is written too, and unpacked to the host's own disk.
    """
    ctx.exit(_each(ctx, host, as_json, lambda place: ask(ctx.obj, place, "fetch", _wanted(place, locks)), _show_fetch))


@wheels.command("list", short_help="List wheels, their sizes and who wants them.")
@host_option(required=False)
@json_option
@click.pass_context
def list_wheels(ctx: click.Context, host: str | None, as_json: bool) -> None:
    """List every wheel and archive, its size, and the locks of this tree that want it."""
    ctx.exit(_each(ctx, host, as_json, lambda place: ask(ctx.obj, place, "list", place.known()), _show_list))


@wheels.command(short_help="Read every wheel and say which are damaged.")
@host_option(required=False)
@lock_option("By default all of this tree.")
@json_option
@click.pass_context
def verify(ctx: click.Context, host: str | None, locks: tuple[str, ...], as_json: bool) -> None:
    """Compare every wheel with its lock's hashes; one that no lock names with its own list of files.

    Nothing is changed: dgops wheels fetch replaces what is wrong.
    """
    ctx.exit(
        _each(ctx, host, as_json, lambda place: ask(ctx.obj, place, "verify", locks or place.known()), _show_verify)
    )


@wheels.command(short_help="Write one archive per lock beside the wheels.")
@host_option(required=False)
@lock_option("By default those of the host's venvs.")
@json_option
@click.pass_context
def pack(ctx: click.Context, host: str | None, locks: tuple[str, ...], as_json: bool) -> None:
    """Write the wheels of each lock as one archive; the same wheels give the same bytes."""
    ctx.exit(_each(ctx, host, as_json, lambda place: ask(ctx.obj, place, "pack", _wanted(place, locks)), _show_pack))


@wheels.command(short_help="Remove what no lock of this tree names.")
@host_option(required=False)
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@json_option
@click.pass_context
def prune(ctx: click.Context, host: str | None, dry_run: bool, as_json: bool) -> None:
    """Remove wheels and archives that came for a lock which this tree has no more, and what killed downloads left.

    Wheels that a deploy copied there from the controller stay, and so do those of other projects.
    """

    def shown(place: Place, answer: dict[str, Any]) -> bool:
        return _show_prune(place, answer, dry_run)

    ctx.exit(
        _each(ctx, host, as_json, lambda place: ask(ctx.obj, place, "prune", place.known(), dry_run=dry_run), shown)
    )


def _wanted(place: Place, locks: Sequence[str]) -> Sequence[str]:
    if not locks and not place.locks:
        raise UsageError("which locks?", f"--lock NAME, one of: {', '.join(place.known())}")
    return locks or place.locks


def _each(
    ctx: click.Context, pattern: str | None, as_json: bool, act: Callable[[Place], dict[str, Any]], show: Show
) -> int:
    """Ask every cache in turn; returns the exit code: 1 found wrong or failed, 3 could not look."""
    found, errors, good = {}, list[DgopsError](), True
    for place in places(ctx.obj, pattern):
        try:
            answer = act(place)
            # In JSON too, what is found wrong decides the exit code.
            good = _shown(place, answer, show, as_json) and good
            found[place.name] = answer
        except UsageError:
            raise
        except DgopsError as error:
            errors.append(error)
            print_error(error)
    if as_json:
        print_json({"ok": good and not errors, "caches": found, "errors": [one.message for one in errors]})
    unreached = errors and all(isinstance(one, UnreachableError) for one in errors)
    return 1 if not good or (errors and not unreached) else 3 if errors else 0


def _shown(place: Place, answer: dict[str, Any], show: Show, as_json: bool) -> bool:
    try:
        if as_json:
            return not answer.get("bad")
        click.echo(f"{place.path}{'' if place.name == HERE else f' on {place.name}'}", err=True)
        return show(place, answer)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # The host is not trusted: an answer of another shape is no reason to fall over.
        raise DgopsError(f"{place.name}: the host's answer makes no sense: {error!r}"[:300]) from None


def _show_fetch(_place: Place, answer: dict[str, Any]) -> bool:
    rows = []
    for name, done in answer["locks"].items():
        new = [*done["downloaded"], *done["repaired"], *done["restored"]]
        counts = [f"{done['there']} there"]
        counts += [f"{len(done[key])} {key}" for key in ("downloaded", "repaired", "restored", "packed") if done[key]]
        rows.append(
            (plain(name), counted(done["wheels"], "wheel"), ", ".join(counts), " ".join(map(plain, sorted(set(new)))))
        )
    for line in columns(rows) if rows else ():
        click.echo(line)
    return True


def _show_list(_place: Place, answer: dict[str, Any]) -> bool:
    rows = [
        (plain(one["name"]), _megabytes(one["size"]), ", ".join(map(plain, one["locks"])) or "-")
        for one in answer["files"]
    ]
    for line in columns([("NAME", "SIZE", "LOCKS"), *rows]) if rows else ():
        click.echo(line)
    click.echo(f"{counted(len(rows), 'file')}, {_megabytes(sum(one['size'] for one in answer['files']))}", err=True)
    return True


def _show_verify(_place: Place, answer: dict[str, Any]) -> bool:
    bad = answer["bad"]
    for line in columns([(plain(one["name"]), plain(one["problem"])) for one in bad]) if bad else ():
        click.echo(line)
    what = f"{counted(answer['wheels'], 'wheel')} ({answer['locked']} by their locks)"
    what += f", {counted(answer['archives'], 'archive')}"
    click.echo(f"{what}: {f'{len(bad)} damaged' if bad else 'all whole'}")
    if bad:
        click.echo("hint: dgops wheels fetch replaces those that a lock names", err=True)
    return not bad


def _show_pack(_place: Place, answer: dict[str, Any]) -> bool:
    rows = [
        (plain(one["name"]), _megabytes(one["size"]), "packed" if one["packed"] else "was there")
        for one in answer["locks"].values()
    ]
    for line in columns(rows) if rows else ():
        click.echo(line)
    return True


def _show_prune(_place: Place, answer: dict[str, Any], dry_run: bool) -> bool:
    rows = [(plain(one["name"]), _megabytes(one["size"])) for one in answer["removed"]]
    for line in columns(rows) if rows else ():
        click.echo(line)
    verb = "would be removed" if dry_run else "removed"
    click.echo(f"{counted(len(rows), 'file')}, {_megabytes(answer['bytes'])} {verb}", err=not rows)
    return True


def _megabytes(count: Any) -> str:
    return f"{int(count) / MEGA:.1f} MB"
