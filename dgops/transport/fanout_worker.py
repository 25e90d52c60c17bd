"""The process in which pyinfra asks many hosts at once: a request on stdin, one JSON line per host on stdout.

gevent rewrites the standard library under its users. That must happen before anything else is imported, and
in no process that has other work: hence this one, which is only ever started.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def main() -> None:
    """Answer the request on stdin."""
    from gevent import monkey

    monkey.patch_all()
    request = json.load(sys.stdin)
    for answer in answers(request):
        print(json.dumps(answer), flush=True)  # noqa: T201 - the protocol


def answers(request: dict[str, Any]) -> Any:
    """Yield each host's answer as it comes, whatever becomes of the others."""
    import logging

    from pyinfra.api import Config, Inventory, State

    # pyinfra's own words are for its own command line; what matters is in the answers.
    logging.getLogger("pyinfra").setLevel(logging.CRITICAL + 1)
    names = [
        (f"@dgops/{host['name']}", {"dgops_host": host, "dgops_settings": request["settings"]})
        for host in request["hosts"]
    ]
    state = State()
    state.init(Inventory((names, {})), Config(PARALLEL=request["forks"]))
    yield from state.pool.imap_unordered(lambda host: _answer(host, request), list(state.inventory))


def _answer(host: Any, request: dict[str, Any]) -> dict[str, Any]:
    from pyinfra.api.exceptions import ConnectError

    from dgops.errors import DgopsError, UnreachableError
    from dgops.transport.passing import empty_answer

    started = time.monotonic()
    answer = empty_answer(host.name.removeprefix("@dgops/"), request["argv"])
    try:
        host.connect(show_errors=False, raise_exceptions=True)
        answer |= _executed(host, request) if request["argv"] else {"outcome": "ok", "facts": _facts(host)}
    except ConnectError as error:
        answer |= {"error": str(error), "hint": getattr(error.__cause__, "hint", None) or None}
    except DgopsError as error:
        outcome = "unreachable" if isinstance(error, UnreachableError) else "failed"
        answer |= {"outcome": outcome, "error": error.message, "hint": error.hint or None}
    finally:
        host.disconnect()
    return answer | {"seconds": round(time.monotonic() - started, 3)}


def _executed(host: Any, request: dict[str, Any]) -> dict[str, Any]:
    from pyinfra.api import QuoteString, StringCommand

    command = StringCommand(*(QuoteString(word) for word in request["argv"]))
    good, _ = host.run_shell_command(command, _timeout=request["timeout"])
    completed = host.connector.completed
    return {
        "outcome": "ok" if good else "failed",
        "exit": completed.returncode,
        "stdout": completed.stdout.decode(errors="replace"),
        "stderr": completed.stderr.decode(errors="replace"),
    }


def _facts(host: Any) -> dict[str, Any]:
    from pyinfra.facts import hardware, server

    python = host.get_fact(server.Command, "python3 --version 2>/dev/null || true", _ignore_errors=True)
    release = host.get_fact(server.OsRelease, _ignore_errors=True) or {}
    plain = {
        "hostname": server.Hostname,
        "kernel": server.KernelVersion,
        "arch": server.Arch,
        "cpus": hardware.Cpus,
        "memory_mb": hardware.Memory,
        "user": server.User,
    }
    found = {name: host.get_fact(fact, _ignore_errors=True) for name, fact in plain.items()}
    return found | {
        "os": release.get("pretty_name") or release.get("id"),
        "python": (python or "").removeprefix("Python ").strip() or None,
    }


if __name__ == "__main__":
    main()
