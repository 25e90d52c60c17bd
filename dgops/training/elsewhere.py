"""Model files of another host, by way of this machine: fetched once, and sent along as a job's inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgops.errors import DgopsError, UsageError
from dgops.files import digest_bytes, digest_file
from dgops.hosts import inventory
from dgops.jobs.job import Input
from dgops.training.models import SENT, sent_as
from dgops.transport.connect import connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dgops.hosts.host import Host
    from dgops.settings import Settings
    from dgops.training.order import Order
    from dgops.training.values import Model


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
    """Return the copy here, made where there is none."""
    name, _, path = model.source.partition(":")
    kept = _kept(settings, model)
    if not kept.is_file():
        found = inventory.load(settings).select(name)
        if len(found) != 1:
            raise UsageError(f"models: {model.role}: {name} names {len(found)} hosts", "name one:  dgops hosts list")
        told(f"{model.file} from {model.source}")
        transport = connect(found[0], settings)
        try:
            transport.get(path, kept)
        finally:
            transport.close()
    if model.sha256 and digest_file(kept) != model.sha256:
        kept.unlink()
        raise DgopsError(f"{model.file}: what lies at {model.source} is another file", "look at the recipe's sha256")
    return kept


def _kept(settings: Settings, model: Model) -> Path:
    return settings.state / "models" / digest_bytes(model.source.encode())[:16] / model.file.rpartition("/")[2]
