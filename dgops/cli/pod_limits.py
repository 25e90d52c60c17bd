"""What is said of a pod's limits where they are not what a person may think."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgops.cli.pod_card import say

if TYPE_CHECKING:
    from dgops.pods.models import Pod
    from dgops.pods.wishes import Wish


def tell_otherwise(name: str, wish: Wish, pod: Pod) -> None:
    """Say of a pod that was there already what of it is as at its creation, and not as it is asked for now."""
    from dgops.pods import limits

    its = limits.differing(wish.limits, pod)
    other = wish.otherwise(pod)
    if other:
        say(f"{name}  {other}")
    if its:
        say(f"{name}  keeps the limits that it was created with: {its}; those asked for now are not set")
    if other or its:
        say(f"hint: dgops pod terminate {name}, then create it again")


def tell_unguarded(found: Pod) -> None:
    """Say of a pod with limits that nobody waited for that it keeps none yet: its keeper is started from inside."""
    from dgops.pods import limits
    from dgops.pods.names import short

    if limits.of(found).any():
        name = short(found.name)
        say(f"{name}  keeps to its limits only once somebody was in: dgops pod start {name} waits, and goes in")
