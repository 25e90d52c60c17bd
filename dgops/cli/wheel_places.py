"""Where wheel caches lie, on hosts and here, and how their agents are asked."""

from __future__ import annotations

import difflib
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError, RemoteError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.hosts.host import Host
    from dgops.settings import Settings

HERE = "here"
WINDOWS = Path("/mnt/c/linuxdownloads")
# As long as pip is given on the host, and some.
SECONDS = 3900.0
# A local version such as +cu121 names the profile.
LOCAL = re.compile(r"^[A-Za-z0-9._-]+==[^\s;+]+\+([a-z0-9.]+)", re.MULTILINE)
MARK = ": error: "


@dataclass(frozen=True)
class Place:
    """One wheel cache: of a host, or of this machine; `locks` are those that its venvs are made from."""

    name: str
    path: str
    folder: Path
    locks: tuple[str, ...] = ()
    host: Host | None = None

    def known(self) -> list[str]:
        """Return the names of all locks of the tree."""
        return sorted(path.stem for path in self.folder.glob("*.txt"))

    def texts(self, names: Sequence[str]) -> list[dict[str, str]]:
        """Return locks as the agent takes them; raises UsageError for a name that is none."""
        known = self.known()
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, known)
                hint = f"did you mean {' or '.join(near)}?" if near else f"locks: {', '.join(known)}"
                raise UsageError(f"no lock is named {name} in {self.folder}", hint)
        return [_lock(name, (self.folder / f"{name}.txt").read_text()) for name in names]


def places(settings: Settings, pattern: str | None) -> list[Place]:
    """Return the caches of the hosts that a pattern names, or this machine's; raises DgopsError for one unknown."""
    from dgops.deploy import tree

    locks = tree.root() / "locks"
    if pattern is None:
        windows = WINDOWS.is_dir()
        return [Place(HERE, str(WINDOWS if windows else settings.cache / "wheel-cache"), locks)]
    from dgops.hosts import inventory

    return [_of_host(host, settings, locks) for host in inventory.load(settings).select(pattern)]


def ask(settings: Settings, place: Place, op: str, locks: Sequence[str], **more: Any) -> dict[str, Any]:
    """Run one op on a cache and return the agent's answer; raises DgopsError with what the host said."""
    request = {"op": op, "cache": place.path, "locks": place.texts(locks), **more}
    if place.host is None:
        return _ask_here(request)
    from dgops.transport import agent
    from dgops.transport.connect import connect

    transport = connect(place.host, settings)
    try:
        return agent.call(transport, "wheels", request, timeout=SECONDS)
    except RemoteError as error:
        _, mark, words = error.message.partition(MARK)
        raise (DgopsError(f"{place.name}: {words}") if mark else error) from None
    finally:
        transport.close()


def _lock(name: str, text: str) -> dict[str, str]:
    from dgops.environments import profiles

    local = LOCAL.search(text)
    indexes = {one.name: one.index for one in profiles.load()}
    return {"name": name, "text": text, "index_url": indexes.get(local.group(1), "") if local else ""}


def _of_host(host: Host, settings: Settings, locks: Path) -> Place:
    from dgops.health import contract

    kept = contract.read(settings.state, host.name)
    found = next((check.wanted for check in kept.checks if check.type == "wheels"), None) if kept else None
    if found is None:
        raise DgopsError(
            f"{host.name} has no wheel cache that is known here", f"dgops deploy --host {host.name} makes it"
        )
    folder = str(host.variables.get("python_env__lock_folder") or "")
    own = Path(folder) if folder and "{{" not in folder else locks
    return Place(host.name, str(found["path"]), own, tuple(found["locks"]), host)


def _ask_here(request: dict[str, Any]) -> dict[str, Any]:
    Path(request["cache"]).mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "dgops.agent", "wheels"]
    done = subprocess.run(argv, input=json.dumps(request), capture_output=True, text=True, timeout=SECONDS)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"the agent ended with exit {done.returncode}"]
        raise DgopsError(lines[-1].removeprefix("error: "))
    answer: dict[str, Any] = json.loads(done.stdout)
    if "error" in answer:
        raise DgopsError(str(answer["error"]))
    return answer
