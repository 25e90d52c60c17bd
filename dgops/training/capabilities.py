"""What can be trained and what cannot: one table for `dgops recipes`, plans and messages."""

from __future__ import annotations

from dataclasses import dataclass

SUPPORTED, SCAFFOLD, NOT_SUPPORTED = "supported", "scaffold only", "not supported"


@dataclass(frozen=True)
class Capability:
    """One kind of training: its name in a recipe, how far it goes, and why or what instead."""

    name: str
    status: str
    note: str


CAPABILITIES = (
    Capability("lora", SUPPORTED, "by every trainer"),
    Capability("dora", NOT_SUPPORTED, "train a lora; a higher rank comes close"),
    Capability("full-fine-tune", NOT_SUPPORTED, "train a lora; a full model needs many times the memory"),
    Capability("video", SCAFFOLD, "Wan's trainers take the pictures of a set; no pipeline gathers clips"),
)


def complaint(network: str) -> str:
    """Return why a recipe cannot ask for this kind of network, nothing where it can."""
    found = next((one for one in CAPABILITIES if one.name == network), None)
    if found is None:
        return f"{network!r} is no kind of training (known: {', '.join(one.name for one in CAPABILITIES)})"
    return "" if found.status == SUPPORTED else f"{network} is {found.status}: {found.note}"
