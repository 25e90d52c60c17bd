"""What the double says no with: a status, and RFC 9457's problem+json."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

NO_CAPACITY = (
    "There are no longer any instances available with the requested specifications. Please refresh and try again."
)


class RefusalError(Exception):
    """An answer that is no success; raised wherever it is noticed."""

    def __init__(self, status: int, detail: str, errors: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors = status, detail, errors

    def body(self) -> dict[str, Any]:
        """Return it as problem+json."""
        named = {"errors": list(self.errors)} if self.errors else {}
        return {"title": HTTPStatus(self.status).phrase, "status": self.status, "detail": self.detail, **named}
