"""What was asked for from here, written down before it was asked: so that no pod is billed that nobody knows of."""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from dgops.errors import BusyError
from dgops.files import write_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Intent:
    """A pod that was asked for; `pod_id` is empty until the provider has told it, `identity` opens it.

    `spot` is what was bid for it, dollars an hour, `moved` the pod that it was before it came to another machine,
    `seen` whether a list of the provider's has shown it, `kept` since which start of its a keeper of its limits lives
    there. Of the run that began at `run`: `stopped` tells that its end was asked for from here, `sure` that RunPod
    has answered to that, `why` that it stopped itself.
    """

    name: str
    asked: float
    pod_id: str = ""
    identity: str = ""
    spot: float = 0.0
    stopped: bool = False
    run: str = ""
    sure: bool = False
    moved: str = ""
    seen: bool = False
    why: str = ""
    kept: str = ""


class Intents:
    """The folder with one file for each name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Have a name for ourselves; raises BusyError where another create of it goes on."""
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder / f".{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise BusyError(f"another command is creating or ending {name}", "wait for it") from None
        finally:
            os.close(descriptor)

    def ask(self, name: str, identity: str = "", spot: float = 0.0) -> None:
        """Write down that a pod is about to be asked for."""
        self._write(Intent(name, time.time(), identity=identity, spot=spot))

    def confirm(self, name: str, pod_id: str) -> None:
        """Write down which pod it became."""
        self.note(name, pod_id=pod_id)

    def note(self, name: str, **changes: Any) -> None:
        """Write down what became of it."""
        known = self.get(name) or Intent(name, time.time())
        self._write(replace(known, **changes))

    def running(self, name: str, pod_id: str) -> None:
        """Write down that a pod which is known here was started from here."""
        self._turn(name, pod_id, stopped=False, run="", sure=False)

    def stopping(self, name: str, pod_id: str, run: str) -> None:
        """Write down that a pod which is known here, and ran since `run`, is about to be stopped.

        Before that is asked: whoever is killed meanwhile may have stopped it. Seen running later it was not.
        """
        self._turn(name, pod_id, stopped=True, run=run, sure=False)

    def stopped(self, name: str, pod_id: str, run: str) -> None:
        """Write down that a pod which is known here, and ran since `run`, was stopped from here: nobody else did it."""
        self._turn(name, pod_id, stopped=True, run=run, sure=True)

    def _turn(self, name: str, pod_id: str, **changes: Any) -> None:
        known = self.get(name)
        if known and known.pod_id == pod_id:
            self.note(name, moved="", why="", **changes)

    def get(self, name: str) -> Intent | None:
        """Return one intent, None where nothing of that name was asked for."""
        path = self._folder / f"{name}.json"
        return _read(path) if path.is_file() else None

    def drop(self, name: str) -> None:
        """Forget a pod that is gone, or never was; one that is not known is fine."""
        (self._folder / f"{name}.json").unlink(missing_ok=True)

    def all(self) -> dict[str, Intent]:
        """Return every intent by name; a damaged file counts as one that was never confirmed."""
        return {path.stem: _read(path) for path in sorted(self._folder.glob("*.json"))}

    def _write(self, intent: Intent) -> None:
        write_json(self._folder / f"{intent.name}.json", asdict(intent), 0o600)


def _read(path: Path) -> Intent:
    try:
        raw = json.loads(path.read_text())
        kinds = {
            "asked": float,
            "pod_id": str,
            "identity": str,
            "spot": float,
            "stopped": bool,
            "run": str,
            "sure": bool,
            "moved": str,
            "seen": bool,
            "why": str,
            "kept": str,
        }
        return Intent(path.stem, **{name: kind(raw[name]) for name, kind in kinds.items() if name in raw})
    except (OSError, ValueError, KeyError, TypeError):
        return Intent(path.stem, 0.0)
