"""The agent's front door: one command, a JSON request on stdin, a JSON answer on stdout; bytes may follow either."""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any, BinaryIO, Callable, Dict, Iterable, Tuple

# A request in, an answer out.
COMMANDS: Dict[str, str] = {
    "changes": "dgops.agent.changes",
    "clones": "dgops.agent.clones",
    "git_ssh": "dgops.agent.git_ssh",
    "home": "dgops.agent.home",
    "job": "dgops.agent.job",
    "lease": "dgops.agent.lease",
    "live": "dgops.agent.live",
    "look": "dgops.agent.look",
    "marker": "dgops.agent.marker",
    "probe": "dgops.agent.probe",
    "scan": "dgops.agent.scan",
    "venv": "dgops.agent.venv",
    "watch": "dgops.agent.watch",
    "wheels": "dgops.agent.wheel_cache",
}
# The same with bytes: those behind the request's line are read from the stream, those yielded follow the answer's.
STREAMS: Dict[str, str] = {
    "bundle": "dgops.agent.bundle",
    "files": "dgops.agent.files",
    "follow": "dgops.agent.follow",
    "replica": "dgops.agent.replica",
}

Answer = Callable[[Dict[str, Any]], Dict[str, Any]]
Exchange = Callable[[Dict[str, Any], BinaryIO], Tuple[Dict[str, Any], Iterable[bytes]]]


def main() -> int:
    """Run one command, or those that are asked for one after the other; returns the exit code."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    if name == "serve":
        from dgops.agent.serve import serve

        return serve(stdin, stdout, {**COMMANDS, **STREAMS}, respond)
    code = respond(name, stdin, stdout.write)
    stdout.flush()
    return code


def respond(name: str, stdin: BinaryIO, write: Callable[[bytes], Any]) -> int:
    """Answer one request in pieces, the first of them a line; returns 70 for an error of the agent itself."""
    try:
        request = json.loads(stdin.readline() or b"{}")
        # For every child: whose work this is.
        os.environ["TRACEPARENT"] = str(request.pop("traceparent", ""))[:64]
        if name in STREAMS:
            exchange: Exchange = importlib.import_module(STREAMS[name]).exchange
            answer, chunks = exchange(request, stdin)
        else:
            command: Answer = importlib.import_module(COMMANDS[name]).answer
            answer, chunks = command(request), ()
        write(json.dumps(answer).encode() + b"\n")
        for chunk in chunks:
            write(chunk)
    except OSError as error:
        write(json.dumps({"error": "{}: {}".format(type(error).__name__, error)}).encode() + b"\n")
    except (KeyError, ValueError, TypeError):
        # Loaded here: it would be a tenth of what a look takes.
        import traceback

        sys.stderr.write(traceback.format_exc())
        return 70
    return 0


if __name__ == "__main__":
    sys.exit(main())
