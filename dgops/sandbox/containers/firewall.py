"""Firewall rules that podman's network helper leaves behind: found by name and taken away."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_TABLES = ("nat", "filter")
_OWN = re.compile(r"NETAVARK[-_]")
_OWNER = re.compile(r"dnat name: (\S+) id: ([0-9a-f]{12,})")


def rules(table: str) -> str:
    """Return a table's chains and rules as iptables prints them; empty where there is no iptables."""
    return _iptables(table, "-S") if shutil.which("iptables") else ""


def chains(table_rules: str) -> set[str]:
    """Return the names of the network helper's chains in a table."""
    words = (line.split() for line in table_rules.splitlines())
    return {word[1] for word in words if word[:1] == ["-N"] and _OWN.match(word[1])}


def drop_dead_ports(network: str, alive: Collection[str]) -> None:
    """Remove the port rules of a network's containers that no longer run: they catch the next one's traffic."""
    table = rules("nat")
    for chain in dead_chains(table, network, alive):
        _remove_chains("nat", table, {chain})


def dead_chains(table_rules: str, network: str, alive: Collection[str]) -> list[str]:
    """Return the per-container chains of a network whose container is not among the living."""
    dead = []
    for line in table_rules.splitlines():
        owner = _OWNER.search(line)
        if owner and owner[1] == network and not any(full.startswith(owner[2]) for full in alive):
            dead.append(line.split()[-1])
    return list(dict.fromkeys(dead))


def drop_subnet(subnet: str) -> None:
    """Remove the rules for a network that is gone, and the chains that only they led to."""
    for name in _TABLES:
        table = rules(name)
        for words in subnet_rules(table, subnet):
            _iptables(name, "-D", *words)
        _remove_chains(name, table, subnet_chains(table, subnet))


def subnet_rules(table_rules: str, subnet: str) -> list[list[str]]:
    """Return the network helper's rules that name a subnet."""
    split = [shlex.split(line) for line in table_rules.splitlines() if line.startswith("-A ")]
    return [words[1:] for words in split if subnet in words and any(_OWN.match(word) for word in words)]


def subnet_chains(table_rules: str, subnet: str) -> set[str]:
    """Return the chains that a subnet's traffic is sent to."""
    targets = {words[-1] for words in subnet_rules(table_rules, subnet) if words[0] == "POSTROUTING"}
    return {target for target in targets if _OWN.match(target)}


def drop_since(before: Collection[str]) -> None:
    """Remove the network helper's chains that were not there before, and every rule that leads to them."""
    for name in _TABLES:
        table = rules(name)
        _remove_chains(name, table, chains(table) - set(before))


def all_chains() -> set[str]:
    """Return the network helper's chains in every table."""
    return {chain for name in _TABLES for chain in chains(rules(name))}


def _remove_chains(table: str, table_rules: str, doomed: set[str]) -> None:
    for line in table_rules.splitlines():
        words = shlex.split(line)
        if words[:1] == ["-A"] and words[-1] in doomed and words[1] not in doomed:
            _iptables(table, "-D", *words[1:])
    for command in ("-F", "-X"):
        for chain in sorted(doomed):
            _iptables(table, command, chain)


def _iptables(table: str, *arguments: str) -> str:
    # A rule that somebody else has just removed is as good as removed.
    argv = ["iptables", "--wait", "5", "-t", table, *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False).stdout
