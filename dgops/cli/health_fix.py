"""dgops health --fix: run the roles whose state checks fail, then look again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgops.health.look import MARKER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.health.look import HostHealth
    from dgops.hosts.inventory import Inventory
    from dgops.settings import Settings


def needed(found: Sequence[HostHealth]) -> dict[tuple[str, ...], list[str]]:
    """Return the hosts to mend by the roles to run on them; no roles stand for a deploy that decides by itself.

    A host without this controller's contract needs that: nobody can vouch for any of its roles.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for one in found:
        failing = one.failures("state")
        if failing:
            whole = any(result.check is MARKER for result in failing)
            roles = () if whole else tuple(dict.fromkeys(result.check.role for result in failing))
            groups.setdefault(roles, []).append(one.host)
    return groups


def fix(found: Sequence[HostHealth], known: Inventory, settings: Settings, *, verbose: bool, quiet: bool) -> bool:
    """Mend the hosts whose state does not hold, and say what was done; returns whether there was any."""
    from dgops.cli.deploy_lines import Progress
    from dgops.deploy.run import Wish, deploy

    groups = needed(found)
    for roles, names in groups.items():
        progress = Progress(max(len(name) for name in names), check=False, quiet=quiet, verbose=verbose)
        try:
            deploy(Wish([known.hosts[name] for name in names], known, roles), settings, progress)
        finally:
            progress.stop()
    return bool(groups)
