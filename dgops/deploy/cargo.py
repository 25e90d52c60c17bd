"""What a deploy carries to hosts: the agent and the wheel of this dgops, built here, printed as JSON for the roles."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from dgops import settings
from dgops.deploy import wheel
from dgops.errors import DgopsError
from dgops.files import write_atomic
from dgops.transport import agent

if TYPE_CHECKING:
    from pathlib import Path


def build(cache: Path) -> dict[str, dict[str, str]]:
    """Return where agent and wheel lie, with their digests; what is there already is not built again."""
    path = cache / "agent" / f"{agent.digest()}.pyz"
    if not path.exists():
        write_atomic(path, agent.archive())
    return {"agent": {"path": str(path), "sha256": agent.digest()}, "wheel": wheel.describe(wheel.build(cache))}


def main() -> None:
    """Build both and say where they lie."""
    try:
        built = build(settings.load().cache)
    except DgopsError as error:
        sys.exit(f"error: {error.message}\nhint: {error.hint}")
    sys.stdout.write(json.dumps(built) + "\n")


if __name__ == "__main__":
    main()
