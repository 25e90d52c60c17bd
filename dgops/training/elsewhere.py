"""Model files of another host, by way of this machine: fetched once, and sent along as a job's inputs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dgops.errors import DgopsError, UsageError
from dgops.files import digest_bytes, digest_file
from dgops.hosts import inventory
from dgops.jobs.ask import Ask
from dgops.jobs.job import Input, Output
from dgops.jobs.link import Link
from dgops.jobs.offers import offered
from dgops.jobs.progress import Silent
from dgops.jobs.pull import bring
from dgops.training.fetch import GIB, TOLD_SECONDS
from dgops.training.models import SENT, sent_as
from dgops.transport.connect import connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dgops.hosts.host import Host
    from dgops.settings import Settings
    from dgops.training.order import Order
    from dgops.training.values import Model

WHERE = 'id -un; readlink -f -- "$1"'


def inputs(host: Host, settings: Settings, order: Order, told: Callable[[str], None]) -> list[Input]:
    """Return what must be sent along; what the host has already needs no way. Raises DgopsError, UsageError."""
    wanted = [one for one in order.recipe.models if host_of(one)]
    if not wanted:
        return []
    transport = connect(host, settings)
    try:
        lacking = [one for one in wanted if transport.run(["test", "-f", f"{order.models}/{one.file}"]).returncode]
    finally:
        transport.close()
    for one in wanted:
        if one not in lacking:
            # It has arrived: the copy here has done its work.
            _kept(settings, one).unlink(missing_ok=True)
    return [Input(_brought(settings, one, told), f"{SENT}/{sent_as(one)}") for one in lacking]


def host_of(model: Model) -> str:
    """Return the host of a source HOST:/PATH, nothing for other sources."""
    name, colon, path = model.source.partition(":")
    return name if colon and path.startswith("/") and not path.startswith("//") else ""


def _brought(settings: Settings, model: Model, told: Callable[[str], None]) -> Path:
    """Return the copy here, made where there is none or another; goes on with what an earlier try left."""
    name, _, path = model.source.partition(":")
    kept = _kept(settings, model)
    if kept.is_file() and (not model.sha256 or digest_file(kept) == model.sha256):
        return kept
    found = inventory.load(settings).select(name)
    if len(found) != 1:
        raise UsageError(f"models: {model.role}: {name} names {len(found)} hosts", "name one:  dgops hosts list")
    told(f"{model.file} from {model.source}")
    with Link(found[0], settings, told) as link:
        # As scp would: what the login may read, and where a link leads to, as in the hub's own cache.
        user, *real = link.transport().run(["sh", "-c", WHERE, "sh", path]).text.splitlines() or [""]
        offers, _ = offered(Ask(link, "", user, ""), Output(real[0] if real else path, kept), Silent(told))
        if [one.landing.path for one in offers] != [kept]:
            raise DgopsError(f"{model.file}: {model.source} is no file there", "look at the recipe's source")
        if model.sha256 not in ("", offers[0].sha256):
            raise DgopsError(
                f"{model.file}: what lies at {model.source} is another file", "look at the recipe's sha256"
            )
        kept.unlink(missing_ok=True)
        _, changed = bring(link, user, offers, _Coming(model, told))
    if changed:
        raise DgopsError(f"{model.file}: {model.source} changed while it was read", "run it again")
    return kept


class _Coming(Silent):
    """Tells now and then how much of a file has come."""

    def __init__(self, model: Model, told: Callable[[str], None]) -> None:
        super().__init__(told)
        self.model, self.said = model, time.monotonic()

    def moving(self, what: str, done: int, size: int) -> None:
        del what
        if time.monotonic() - self.said > TOLD_SECONDS:
            self.said = time.monotonic()
            self.told(f"{self.model.file}: {done / GIB:.1f} of {size / GIB:.1f} GiB")


def _kept(settings: Settings, model: Model) -> Path:
    return settings.state / "models" / digest_bytes(model.source.encode())[:16] / model.file.rpartition("/")[2]
