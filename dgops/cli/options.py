"""Options that several commands share, and what completes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dgops.errors import DgopsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dgops.settings import Settings


def host_option(*, required: bool) -> Callable[[Any], Any]:
    """Return the option --host, completed from the hosts and groups that the last command found."""
    return click.option(
        "--host",
        metavar="PATTERN",
        required=required,
        shell_complete=host_names,
        help="Which hosts: a name, a group, a:b, !x, &x, a glob.",
    )


def host_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the hosts and groups that complete the last part of a pattern."""
    from dgops.hosts import inventory

    try:
        found = inventory.remembered(_settings(ctx))
    except DgopsError:
        return []
    cut = max(incomplete.rfind(mark) for mark in ",:!&") + 1
    begun, rest = incomplete[:cut], incomplete[cut:]
    names = dict.fromkeys([*found.hosts, *found.groups])
    return [begun + name for name in names if name.startswith(rest) and name != "ungrouped"]


def role_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the roles that complete a name."""
    from pathlib import Path

    import dgops

    package = Path(dgops.__file__).parent
    folders = (package.parent / "roles", package / "share" / "roles")
    names = {path.name for folder in folders if folder.is_dir() for path in folder.iterdir() if path.is_dir()}
    return sorted(name for name in names if name.startswith(incomplete))


def _settings(ctx: click.Context) -> Settings:
    """Return the settings that the command would have: while completing, no command has run yet."""
    from dgops import settings

    if ctx.obj is not None:
        found: Settings = ctx.obj
        return found
    chosen = ctx.find_root().params
    return settings.load(options={"inventory": list(chosen.get("inventory") or ())})
