"""How secrets reach Ansible: in memory that it inherits, on no disk, in no argument and no environment."""

from __future__ import annotations

import json
import os
from typing import IO, TYPE_CHECKING

from dgops.hosts.source import inventory_files, is_dynamic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    # Values by host and name.
    Secrets = Mapping[str, Mapping[str, str]]

# Which of its open files holds them: read by lookup/dgops_secret.py, which imports nothing of dgops.
DESCRIPTOR = "DGOPS_SECRETS_FD"


def in_memory(secrets: Secrets) -> IO[bytes]:
    """Return an open file that lies in memory only and has no name; it goes with the last process that holds it."""
    stream = os.fdopen(os.memfd_create("dgops-secrets"), "w+b")
    stream.write(json.dumps(secrets).encode())
    stream.flush()
    return stream


def values(secrets: Secrets) -> set[str]:
    """Return every value, whose ever it is."""
    return {value for theirs in secrets.values() for value in theirs.values()}


def hidden(secrets: Secrets, inventories: Sequence[Path]) -> set[str]:
    """Return the variables that Ansible does without: secrets that are handed over, unless a script may need them."""
    if any(is_dynamic(file) for folder in inventories for file in inventory_files(folder)):
        return set()
    return {name for theirs in secrets.values() for name in theirs}
