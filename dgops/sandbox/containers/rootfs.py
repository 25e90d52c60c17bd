"""The base image's file system, made without a container registry and kept by a digest of its recipe."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.files import digest_bytes
from dgops.sandbox import locks
from dgops.sandbox.containers.engine import PACKAGES as HOST_PACKAGES
from dgops.sandbox.containers.sources import machine_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# A bare host: what a rented pod has at the least. Everything else is for the roles to bring.
_PACKAGES = ("ca-certificates", "iproute2", "openssh-server", "procps", "python3", "sudo")
# Run by mmdebstrap with the new root as $1. Host keys are made at boot, never shared through an image.
_HOOKS = (
    'cp -rT --no-preserve=ownership "$DGOPS_OVERLAY" "$1"',
    'chroot "$1" update-ca-certificates',
    'rm -f "$1"/etc/ssh/ssh_host_*',
)
_BUILD_SECONDS = 600
_CERTIFICATES = Path("/usr/local/share/ca-certificates")


@dataclass(frozen=True)
class Recipe:
    """All that decides what the file system holds."""

    suite: str
    sources: tuple[str, ...]
    overlay: Mapping[str, str]
    packages: tuple[str, ...] = _PACKAGES
    hooks: tuple[str, ...] = _HOOKS

    @property
    def digest(self) -> str:
        """The name that a build of this recipe is kept under."""
        return digest_bytes(json.dumps(asdict(self), sort_keys=True).encode())[:12]


def recipe_for(suite: str, more: Iterable[str] = ()) -> Recipe:
    """Return the recipe of a release on this machine: its sources, its proxy, its extra certificates.

    `more` are packages beside those of a bare host.
    """
    overlay = {**_certificates(_CERTIFICATES), **_proxy()}
    return Recipe(suite, machine_sources(suite), overlay, tuple(sorted({*_PACKAGES, *more})))


def build(recipe: Recipe, cache: Path, report: Callable[[str], None]) -> Path:
    """Return the tar of a recipe, building it where the cache lacks it; two at once build it once."""
    tar = cache / f"{recipe.suite}-{recipe.digest}.tar"
    with locks.hold(cache / f"{tar.name}.lock", _BUILD_SECONDS + 30, report) as descriptor:
        work = cache / f"{tar.name}.work"
        _clear(work)
        if not tar.is_file():
            work.mkdir(parents=True)
            try:
                _debootstrap(recipe, work, descriptor, report)
                os.replace(work / "rootfs.tar", tar)
            finally:
                _clear(work)
    return tar


def _debootstrap(recipe: Recipe, work: Path, descriptor: int, report: Callable[[str], None]) -> None:
    if not shutil.which("mmdebstrap"):
        raise DgopsError(
            "mmdebstrap is not installed: the sandbox's base image is made with it",
            f"as root: apt-get install --no-install-recommends {' '.join(HOST_PACKAGES)}",
        )
    overlay = work / "overlay"
    for path, content in recipe.overlay.items():
        target = overlay / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    overlay.mkdir(exist_ok=True)
    (work / "tmp").mkdir()
    # In a mount namespace of its own: killed half-way, it would leave /proc and /sys mounted in there.
    argv = ["unshare", "--mount", "--", "mmdebstrap", "--variant=minbase", f"--include={','.join(recipe.packages)}"]
    argv += [f"--customize-hook={hook}" for hook in recipe.hooks]
    argv += [recipe.suite, str(work / "rootfs.tar"), *recipe.sources]
    environment = {**os.environ, "DGOPS_OVERLAY": str(overlay), "TMPDIR": str(work / "tmp")}
    # The build keeps the lock open: should this program be killed, the next one waits for the orphan's end.
    with subprocess.Popen(
        argv,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        pass_fds=(descriptor,),
        start_new_session=True,
    ) as build:
        _follow(build, recipe.suite, report)


def _follow(build: subprocess.Popen[str], suite: str, report: Callable[[str], None]) -> None:
    """Relay the build's progress; end its whole group at the deadline or when we are interrupted."""
    late = threading.Event()

    def end() -> None:
        late.set()
        os.killpg(build.pid, signal.SIGTERM)

    timer = threading.Timer(_BUILD_SECONDS, end)
    timer.daemon = True
    timer.start()
    lines: list[str] = []
    try:
        for line in build.stderr or ():
            lines.append(line.strip())
            if line.startswith("I: ") and line.rstrip().endswith("...") and "tempdir" not in line:
                report(f"base image {suite}: {line[3:].strip()}")
        code = build.wait(timeout=30)
    except BaseException:
        os.killpg(build.pid, signal.SIGKILL)
        build.wait()
        raise
    finally:
        timer.cancel()
    if late.is_set():
        raise DgopsError(f"the base image {suite} was not built within {_BUILD_SECONDS} s", _last_words(lines))
    if code != 0:
        raise DgopsError(
            f"building the base image {suite} failed: {_last_words(lines)}", "is the package mirror reachable?"
        )


def _last_words(lines: list[str]) -> str:
    telling = [line for line in lines if line.startswith(("E:", "W:", "Err:"))] or lines
    return " | ".join(telling[-3:])


def _clear(work: Path) -> None:
    if not work.exists():
        return
    mounted = [line for line in Path("/proc/self/mounts").read_text().splitlines() if f" {work}/" in line]
    if mounted:
        raise DgopsError(f"something is still mounted below {work}: {mounted[0]}", "unmount it, then again")
    shutil.rmtree(work)


def _certificates(folder: Path) -> dict[str, str]:
    """Return the machine's extra certificates by their path in the new root."""
    found = sorted(folder.rglob("*.crt"))
    return {str(path.relative_to("/")): path.read_text() for path in found if path.is_file()}


def _proxy() -> dict[str, str]:
    """Return apt's proxy as configured on this machine, for apt in the container."""
    if not shutil.which("apt-config"):
        return {}
    argv = ["apt-config", "dump", "Acquire::http::Proxy", "Acquire::https::Proxy"]
    lines = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False).stdout.splitlines()
    kept = [line for line in lines if line.startswith("Acquire::http") and line.split()[-1] != '"";']
    names = {"http_proxy": "http", "https_proxy": "https"}
    kept += [f'Acquire::{kind}::Proxy "{os.environ[name]}";' for name, kind in names.items() if os.environ.get(name)]
    return {"etc/apt/apt.conf.d/90proxy": "\n".join(kept) + "\n"} if kept else {}
