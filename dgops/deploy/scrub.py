"""Known secrets taken out of everything that a run of Ansible says, should a role forget no_log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dgops.agent import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

STARS = "***"
# What an event says to people; the rest is names, numbers and values that dgops reads.
WORDS = ("text", "failure")


class Scrub:
    """Replaces secrets, and what quoting makes of them, by stars in texts and events."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in redact.spellings(secret)}
        # The longest first: one secret may be the start of another.
        words = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, words))) if words else None

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        return self._pattern.sub(STARS, text) if self._pattern else text

    def words(self, text: str) -> str:
        """Return words for people without secrets: the known ones, and what has the form of one."""
        return redact.text(self.text(text), homes=False)

    def event(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return an event without secrets."""
        return {key: _each(value, self.words if key in WORDS else self.text) for key, value in event.items()}


def _each(value: Any, change: Callable[[str], str]) -> Any:
    """Return a JSON value with every text in it changed, names included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(str(key)): _each(one, change) for key, one in value.items()}
    return [_each(one, change) for one in value] if isinstance(value, list) else value
