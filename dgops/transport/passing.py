"""What goes to and from a process of our own, as JSON: hosts, settings, and the shape of an answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops.hosts.host import Host
from dgops.settings import Setting, Settings

if TYPE_CHECKING:
    from collections.abc import Sequence


def host_to_json(host: Host) -> dict[str, Any]:
    """Return a host as JSON can hold it."""
    return {
        "name": host.name,
        "connection": host.connection,
        "address": host.address,
        "port": host.port,
        "user": host.user,
        "identity": str(host.identity) if host.identity else None,
        "groups": list(host.groups),
        "variables": dict(host.variables),
        "inventory": str(host.inventory),
    }


def host_from_json(value: dict[str, Any]) -> Host:
    """Return the host that host_to_json wrote."""
    return Host(
        **value
        | {
            "identity": Path(value["identity"]) if value["identity"] else None,
            "groups": tuple(value["groups"]),
            "inventory": Path(value["inventory"]),
        }
    )


def settings_to_json(settings: Settings) -> dict[str, Any]:
    """Return settings as JSON can hold them."""
    return {
        "values": {key: [setting.value, setting.source] for key, setting in settings.values.items()},
        "project": str(settings.project) if settings.project else None,
    }


def settings_from_json(value: dict[str, Any]) -> Settings:
    """Return the settings that settings_to_json wrote."""
    values = {key: Setting(*pair) for key, pair in value["values"].items()}
    return Settings(values, Path(value["project"]) if value["project"] else None)


def empty_answer(name: str, argv: Sequence[str]) -> dict[str, Any]:
    """Return an answer in which nothing is known yet: of a command, or without one of facts."""
    keys = ("exit", "stdout", "stderr") if argv else ("facts",)
    return {"host": name, "outcome": "unreachable", **dict.fromkeys((*keys, "error", "hint"))}
