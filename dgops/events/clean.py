"""Log records without secrets: by the name of a value, by what is known to be secret now, by its form, in addresses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops.agent.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterable

GONE = "***"
NAMES = re.compile(r"(?i)(^|[_-])(token|secret|password|passwd|passphrase|api[_-]?key|access[_-]?key|authorization)s?$")
DEEPEST = 20


class Cleaner:
    """Knows the secrets that were handed out, under every spelling that could stand in a text."""

    def __init__(self) -> None:
        self.values: set[str] = set()
        self.redactor = Redactor()
        # The user's own home may lie anywhere.
        self.home = str(Path.home())

    def register(self, values: Iterable[str]) -> None:
        """Take values for secret from now on."""
        fresh = {value for value in values if value} - self.values
        if fresh:
            self.values |= fresh
            self.redactor = Redactor(self.values)

    def text(self, words: str) -> str:
        """Return a text with nothing secret in it, and no home's owner."""
        clean = self.redactor.block(words.encode(errors="replace")).decode(errors="replace")
        # A key that began in this text must not swallow the next.
        self.redactor.key_lines = 0
        return clean.replace(f"{self.home}/", "/[HOME]/") if len(self.home) > 1 else clean

    def value(self, value: Any, depth: int = 0) -> Any:
        """Return a JSON value with every text in it clean; what is named like a secret goes whole."""
        if isinstance(value, str):
            return self.text(value)
        if depth > DEEPEST:
            return "…"
        if isinstance(value, dict):
            return {
                self.text(str(key)): GONE if NAMES.search(str(key)) and one else self.value(one, depth + 1)
                for key, one in value.items()
            }
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.value(one, depth + 1) for one in value]
        return value if value is None or isinstance(value, (bool, int, float)) else self.text(str(value))
