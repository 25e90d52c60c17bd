"""What a captioner has to offer, and which captioners there are."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dgops.dataset.options import Options

# name → module:attribute, loaded on use; the attribute takes the options.
CAPTIONERS = {"template": "dgops.dataset.captioners.template:Template"}


class Captioner(Protocol):
    """Says in one line what an image shows, the trigger word first."""

    def parameters(self) -> dict[str, Any]:
        """Return everything that captions depend on besides the images."""

    def gpu_memory(self) -> int:
        """Return the bytes of GPU memory that its model needs, 0 for a captioner without a model."""

    def captions(self, images: Sequence[Path]) -> list[str]:
        """Return one line for each image, in order."""


def load(options: Options) -> Captioner:
    """Return the captioner that a run asks for."""
    module, attribute = CAPTIONERS[options.captioner].split(":")
    captioner: Captioner = getattr(importlib.import_module(module), attribute)(options)
    return captioner
