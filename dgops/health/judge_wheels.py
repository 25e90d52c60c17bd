"""Judge what was seen of a wheel cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def wheels(wanted: Mapping[str, Any], seen: dict[str, Any]) -> tuple[bool, str, str]:
    """Return whether a cache holds every wheel of its locks untouched, what was expected, what was observed."""
    locks = ", ".join(sorted(wanted["locks"]))
    wrong = [
        *(f"the lock {name} was not fetched" for name in seen["unknown"]),
        *(f"{name} is missing" for name in seen["missing"]),
        *(f"{name} was changed" for name in seen["touched"]),
    ]
    more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return not wrong, f"the wheels of {locks}", wrong[0] + more if wrong else f"{int(seen['count'])} files"
