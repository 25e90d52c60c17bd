"""The agent's front door: one command, a JSON request on stdin, a JSON answer on stdout."""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any, Callable, Dict

from dgops.agent import lease, live, marker, probe

COMMANDS: Dict[str, Callable[[Dict[str, Any]], Dict[str, Any]]] = {
    "lease": lease.answer,
    "live": live.answer,
    "marker": marker.answer,
    "probe": probe.answer,
}


def main() -> int:
    """Run one command and return the exit code; 70 is an error of the agent itself."""
    arguments = sys.argv[1:]
    request = json.loads(sys.stdin.read() or "{}")
    try:
        answer = COMMANDS[arguments[0]](request)
    except OSError as error:
        answer = {"error": "{}: {}".format(type(error).__name__, error)}
    except (KeyError, ValueError, TypeError):
        sys.stderr.write(traceback.format_exc())
        return 70
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
