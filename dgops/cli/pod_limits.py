"""What is said of a pod's limits where they are not what a person may think."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgops.cli.pod_card import say

if TYPE_CHECKING:
    from dgops.pods import limits
    from dgops.pods.models import Pod


def tell_limits(name: str, asked: limits.Asked, pod: Pod) -> None:
    """Say of a pod that was there already that it keeps the limits of its own creation."""
    from dgops.pods import limits

    its = limits.differing(asked, pod)
    if its:
        say(f"{name}  keeps the limits that it was created with: {its}; those asked for now are not set")
        say(f"hint: other limits need another pod: dgops pod terminate {name}, then create it again")


def tell_unguarded(found: Pod) -> None:
    """Say of a pod with limits that nobody waited for that it keeps none yet: its keeper is started from inside."""
    from dgops.pods import limits
    from dgops.pods.names import short

    if limits.of(found).any():
        name = short(found.name)
        say(f"{name}  keeps to its limits only once somebody was in: dgops pod start {name} waits, and goes in")
