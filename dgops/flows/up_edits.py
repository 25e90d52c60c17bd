"""Edits in the mapped folders of a pod that comes and goes: home before it ends, and out of the spool of a lost one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.sync import maps, state
from dgops.sync.result import NoSpool
from dgops.sync.run import sync_all
from dgops.sync.scene import Wish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dgops.hosts.host import Host
    from dgops.settings import Settings
    from dgops.sync.maps import Shared
    from dgops.sync.result import Result


def bring_home(host: Host, settings: Settings, say: Callable[[str], None]) -> list[Result]:
    """Sync the folders that were synced before: edits come home, out of the spool first where a pod is fresh.

    Folders that never were are left to their owner. Raises DgopsError where edits are not home afterwards.
    """
    found = []
    for one in _known(host, settings, say):
        result = _synced(host, one, settings, Wish(), say)
        if result.outcome == "fresh":
            result = _synced(host, one, settings, Wish(source="local", spool=True), say)
            if isinstance(result.error, NoSpool):
                result = _synced(host, one, settings, Wish(source="local"), say)
        if result.error:
            raise result.error
        if not result.ok():
            where = f": they are on {result.branch}" if result.branch else ""
            raise DgopsError(
                f"{host.name}: edits did not fit into {one.name}{where}", f"dgops sync --host {host.name} --status"
            )
        found.append(result)
    return found


def _known(host: Host, settings: Settings, say: Callable[[str], None]) -> Iterator[Shared]:
    if all(table.values.get("host") != host.name for table in settings.maps):
        return
    for one in maps.load(settings):
        if one.host != host.name:
            continue
        if state.read(state.path_of(one, settings)).ids:
            yield one
        else:
            say(f"{host.name}  {one.name} was never synced there: dgops sync --host {host.name} --from local")


def _synced(host: Host, shared: Shared, settings: Settings, wish: Wish, say: Callable[[str], None]) -> Result:
    return next(iter(sync_all([host], [shared], settings, wish, say)))
