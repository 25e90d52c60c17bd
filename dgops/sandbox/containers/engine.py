"""Calls to podman or docker, each with a deadline, shielded from this machine's quirks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError
from dgops.sandbox import locks
from dgops.sandbox.containers import namespace, orphans, quirks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PACKAGES = ("podman", "crun", "netavark", "aardvark-dns", "iptables", "mmdebstrap", "debian-archive-keyring")
_INSTALL = f"as root: apt-get install --no-install-recommends {' '.join(PACKAGES)}"

# How long a command waits for the orphaned calls of a killed predecessor.
_ORPHAN_SECONDS = 120


@dataclass(frozen=True)
class Engine:
    """A container engine that works here; `prefix` leads into the mount namespace where it does.

    Every call holds a shared lock on `calls` for as long as the engine's own process runs. A call that
    outlives a killed dgops can thus be waited for: ended half-way, podman leaves containers running that
    it does not know.
    """

    program: str
    calls: Path
    prefix: tuple[str, ...] = ()
    limits: tuple[str, ...] = field(default=())

    def attempt(self, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run one engine command; a non-zero exit is the caller's to judge."""
        argv = ["flock", "--close", "--shared", str(self.calls), *self.prefix, self.program, *arguments]
        # A session of its own: an interrupt from the keyboard must not end podman half-way.
        with subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as running:
            try:
                out, err = running.communicate(timeout=timeout)
            except subprocess.TimeoutExpired as error:
                os.killpg(running.pid, signal.SIGKILL)
                raise DgopsError(
                    f"{self.program} {arguments[0]} did not end within {timeout:.0f} s",
                    "dgops sandbox down, then up again",
                ) from error
        return subprocess.CompletedProcess(argv, running.returncode, out, err)

    def call(self, *arguments: str, timeout: float = 60) -> str:
        """Run one engine command and return what it printed; raises DgopsError if it failed."""
        completed = self.attempt(*arguments, timeout=timeout)
        if completed.returncode != 0:
            raise DgopsError(f"{self.program} {arguments[0]} failed: {complaint(completed)}")
        return completed.stdout

    def inspect(self, container: str) -> dict[str, Any] | None:
        """Return what the engine knows of a container, or None where there is none."""
        completed = self.attempt("inspect", "--type", "container", container)
        if completed.returncode == 0:
            found: dict[str, Any] = json.loads(completed.stdout)[0]
            return found
        if "no such" in completed.stderr.lower():
            return None
        raise DgopsError(f"{self.program} inspect failed: {complaint(completed)}")

    def discard(self, container: str) -> None:
        """Remove a container at once, whatever its state; one that is not there is fine."""
        patience = ("--time", "0") if self.program == "podman" else ()
        completed = self.attempt("rm", "--force", *patience, container)
        if completed.returncode != 0 and "no such" not in completed.stderr.lower():
            raise DgopsError(f"{container} could not be removed: {complaint(completed)}")
        orphans.end(container)

    def await_orphans(self) -> None:
        """Wait for the calls of a killed predecessor; the caller has the sandbox for itself."""
        with locks.hold(self.calls, _ORPHAN_SECONDS):
            pass

    def names(self, what: str, prefix: str) -> list[str]:
        """Return the names of containers, volumes or networks that begin with prefix."""
        listing = ["ps", "--all"] if what == "container" else [what, "ls"]
        if what == "container" and self.program == "podman":
            listing.append("--external")  # half-made ones of a killed podman
        column = "{{.Names}}" if what == "container" else "{{.Name}}"
        return [name for name in self.call(*listing, "--format", column).split() if name.startswith(prefix)]


def complaint(completed: subprocess.CompletedProcess[str]) -> str:
    """Return the last line that says why a command failed."""
    lines = [line for line in (completed.stderr or completed.stdout).splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"exit {completed.returncode}, and no word why"


def require_root() -> None:
    """Refuse where containers with their own network and mounts cannot be made."""
    if os.geteuid() != 0:
        raise DgopsError(
            "sandbox hosts need root: they have a network and mounts of their own (rootless podman cannot)",
            "run it again as root: sudo -E dgops sandbox up",
        )


def find(program: str, run_folder: Path, calls: Path) -> Engine:
    """Shield an engine from what is unusual here. The caller holds the machine's lock."""
    quirk = quirks.detect()
    prefix: tuple[str, ...] = ()
    if program == "podman" and quirk.unified:
        prefix = namespace.ensure(run_folder, quirk.unified)
    return Engine(program, calls, prefix, quirk.ulimits)


def program() -> str:
    """Return the engine that works here; raises DgopsError naming what is missing and how to get it."""
    if shutil.which("podman"):
        absent = [tool for tool in ("crun|runc", "iptables|nft") if not any(map(shutil.which, tool.split("|")))]
        if absent:
            words = ", ".join(tool.replace("|", " or ") for tool in absent)
            raise DgopsError(f"podman is here, but it also needs {words}", _INSTALL)
        return "podman"
    if _docker_answers():
        return "docker"
    raise DgopsError("no container engine here: neither podman nor a docker daemon that answers", _INSTALL)


def _docker_answers() -> bool:
    # A docker client alone, or a stub of that name, proves nothing: only the daemon's version does.
    if not shutil.which("docker"):
        return False
    try:
        argv: Sequence[str] = ["docker", "info", "--format", "{{.ServerVersion}}"]
        completed = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return completed.returncode == 0 and bool(completed.stdout.strip())
