"""The exception tree: every error says what went wrong, where, and what to do next.

DgopsError                 exit 1   found wrong, or failed
├── UsageError             exit 2   the command or its configuration is wrong
│   └── ConfigError        exit 2   every mistake in a configuration, at once
├── UnreachableError       exit 3   could not look
│   ├── HostKeyError       exit 3   the host's key is unknown, or not the pinned one
│   └── AccessError        exit 3   the host answers but does not let us in
├── RemoteError            exit 1   a command on a host ended badly
├── LossError              exit 1   something that is nowhere else would be thrown away
├── ProviderError          exit 1   who rents us pods said no
│   └── CapacityError      exit 1   nothing of that kind is free there now
└── BusyError              exit 1   somebody else is at work there
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class DgopsError(Exception):
    """What went wrong, and a hint that names the next step."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(DgopsError):
    """The command line or the configuration asks for something that cannot be."""

    exit_code = 2


class ConfigError(UsageError):
    """All mistakes of a configuration in one report; each problem names its file and key."""

    def __init__(self, problems: Sequence[str], hint: str = "") -> None:
        head = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        super().__init__("\n  ".join([f"{head} in the configuration:", *problems]), hint)
        self.problems = tuple(problems)


class UnreachableError(DgopsError):
    """The host could not be looked at."""

    exit_code = 3


class HostKeyError(UnreachableError):
    """The host showed a key that is not pinned for it."""


class AccessError(UnreachableError):
    """The host answered and refused: key, user, sudo or Python."""


class RemoteError(DgopsError):
    """A command ran on the host and failed."""


class LossError(DgopsError):
    """What was asked for would throw away something that is nowhere else."""


class ProviderError(DgopsError):
    """Who rents us pods refused; `status` is the HTTP status of the answer."""

    def __init__(self, message: str, hint: str = "", status: int = 0) -> None:
        super().__init__(message, hint)
        self.status = status


class CapacityError(ProviderError):
    """Nothing of what was asked for is free there now; another candidate may be."""


class BusyError(DgopsError):
    """A lock or lease is held by somebody else."""
