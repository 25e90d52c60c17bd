"""What became of the images, in few words: how many came in, how many go on, and why the others do not."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dgops.dataset.manifest import Item, Manifest


def reasons(items: Iterable[Item]) -> dict[str, int]:
    """Return how often each reason stands in items, the most frequent first."""
    counts = Counter(item.reason for item in items if item.reason)
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def in_words(counts: dict[str, int]) -> str:
    """Return counted reasons as `1 no face, 1 two faces`."""
    return ", ".join(f"{count} {reason}" for reason, count in counts.items())


def in_and_out(manifest: Manifest) -> tuple[str, str]:
    """Return `36 → 34` and the reasons."""
    return f"{len(manifest.items)} → {len(manifest.kept)}", in_words(reasons(manifest.items))
