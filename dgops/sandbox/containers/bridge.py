"""A sandbox's network: made once, and taken away with what a killed podman left of it."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from dgops.sandbox.containers import firewall

if TYPE_CHECKING:
    from dgops.sandbox.containers.engine import Engine


def ensure(engine: Engine, network: str, label: str) -> None:
    """Make the network if it is missing, and free it of the port rules of dead containers."""
    if network not in engine.names("network", network):
        engine.call("network", "create", "--label", label, network)
    running = engine.call("ps", "--quiet", "--no-trunc").split()
    firewall.drop_dead_ports(network, running)


def gateway(engine: Engine, network: str) -> tuple[str, str]:
    """Return this machine's own address on a network, and the network's subnet."""
    found = json.loads(engine.call("network", "inspect", network))[0]
    # podman's words, then docker's.
    subnets = found.get("subnets") or found["IPAM"]["Config"]
    first = {key.lower(): value for key, value in subnets[0].items()}
    return str(first["gateway"]), str(first["subnet"])


def remove(engine: Engine, network: str) -> None:
    """Remove the network, its rules and its links; one that is not there is fine."""
    if network not in engine.names("network", network):
        return
    found = json.loads(engine.call("network", "inspect", network))[0]
    firewall.drop_dead_ports(network, alive=())
    engine.call("network", "rm", "--force", network)
    for subnet in found.get("subnets", ()):
        firewall.drop_subnet(subnet["subnet"])
    if bridge := found.get("network_interface"):
        _remove_links(bridge)


def _remove_links(bridge: str) -> None:
    """Remove a bridge and the cables in it; podman has done so itself unless it was killed."""
    listed = _ip("-json", "link", "show", "master", bridge)
    for cable in json.loads(listed or "[]"):
        _ip("link", "delete", cable["ifname"])
    _ip("link", "delete", bridge)


def _ip(*arguments: str) -> str:
    completed = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=20, check=False)
    return completed.stdout.strip() if completed.returncode == 0 else ""
