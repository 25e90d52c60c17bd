"""GPUs as people ask for them: so many, or exactly these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MOST = 64
FORMS = "a count (1) nor the ids that it shall have (id:0,2)"


@dataclass(frozen=True)
class Gpus:
    """So many GPUs, or exactly these."""

    count: int = 0
    ids: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what a job's spec holds."""
        return {"ids": list(self.ids)} if self.ids else {"count": self.count}


def gpus_from(text: str) -> Gpus:
    """Read `--gpus`: COUNT or id:0,2; raises ValueError with a sentence."""
    words = text.removeprefix("id:").split(",")
    if not all(word.strip().isascii() and word.strip().isdigit() for word in words):
        raise ValueError(f"{text!r} is neither {FORMS}")
    numbers = tuple(int(word) for word in words)
    if text.startswith("id:"):
        if len(set(numbers)) < len(numbers) or max(numbers) >= MOST:
            raise ValueError(f"{text!r} names a GPU twice, or one that no machine has")
        return Gpus(ids=numbers)
    if len(numbers) > 1:
        raise ValueError(f"{text!r} is neither {FORMS}; did you mean id:{text}?")
    if not 1 <= numbers[0] <= MOST:
        raise ValueError(f"{text!r} is no number of GPUs (1 to {MOST}; without --gpus a job holds none)")
    return Gpus(count=numbers[0])
