"""What a job tells while it is sent, followed and brought home."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dgops.jobs.job import Job


@dataclass(frozen=True)
class Moved:
    """Files that went to a host or came from it: how many in all, their bytes, how many were already there."""

    files: int
    size: int
    already: int
    seconds: float
    sent: int = 0


class Silent:
    """A watcher that nothing is worth a word to, unless somebody wants to hear what is told."""

    def __init__(self, say: Callable[[str], None] = lambda _message: None) -> None:
        self._say = say

    def told(self, message: str) -> None:
        """Pass on what is told."""
        self._say(message)

    def begins(self, host: str, spec: Mapping[str, Any]) -> None:
        """Pass over a beginning."""

    def moving(self, what: str, done: int, size: int) -> None:
        """Pass over what moves."""

    def uploaded(self, moved: Moved) -> None:
        """Pass over an upload."""

    def submitted(self, job: Job) -> None:
        """Pass over a submit."""

    def wrote(self, stream: str, text: str) -> None:
        """Pass over output."""

    def happened(self, event: Mapping[str, Any]) -> None:
        """Pass over an event."""

    def stands(self, job: Job) -> None:
        """Pass over a look."""


class Watcher(Protocol):
    """Hears of each step; every method may do nothing."""

    def told(self, message: str) -> None:
        """Hear of a cut connection, or what was left out."""
        ...

    def begins(self, host: str, spec: Mapping[str, Any]) -> None:
        """Hear that the host is ready for the job, and its spec."""
        ...

    def moving(self, what: str, done: int, size: int) -> None:
        """Hear that so many bytes of an upload or a download are over."""
        ...

    def uploaded(self, moved: Moved) -> None:
        """Hear that every input is on the host."""
        ...

    def submitted(self, job: Job) -> None:
        """Hear that the host has taken the job."""
        ...

    def wrote(self, stream: str, text: str) -> None:
        """Hear what the job wrote to stdout or stderr."""
        ...

    def happened(self, event: Mapping[str, Any]) -> None:
        """Hear of one event of the job."""
        ...

    def stands(self, job: Job) -> None:
        """Hear how the job stands now."""
        ...
