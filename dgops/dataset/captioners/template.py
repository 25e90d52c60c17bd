"""The same caption for every image: the trigger word, and what the crop makes sure of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dgops.dataset.options import Options

SHOWS = {"face": "a portrait photo, head and shoulders", "subject": "a photo", "none": "a photo"}


class Template:
    """Needs no model and no GPU."""

    def __init__(self, options: Options) -> None:
        self._caption = f"{options.trigger}, {SHOWS[options.crop]}"

    def parameters(self) -> dict[str, Any]:
        """Return the caption itself."""
        return {"caption": self._caption}

    def gpu_memory(self) -> int:
        """Return nothing: no model runs."""
        return 0

    def captions(self, images: Sequence[Path]) -> list[str]:
        """Return the caption, as often as there are images."""
        return [self._caption] * len(images)
