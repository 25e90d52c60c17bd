"""Makes locks with uv: the torch family from its profile's index alone, everything else from the ordinary one."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.environments import locks, profiles, tables
from dgops.errors import DgopsError
from dgops.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.environments.locks import Wanted

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
REACH_SECONDS = 15.0
RESOLVE_SECONDS = 900
# Hosts are Linux on x86-64, WSL's distros and pods alike.
PLATFORM = "sys_platform == 'linux' and platform_machine == 'x86_64'"


@dataclass(frozen=True)
class Locked:
    """A lock that was made, or one that was left alone because its index could not be reached."""

    name: str
    profile: str
    path: Path
    packages: int
    missing: tuple[str, ...]
    why: str = ""


def lock(name: str, profile_name: str | None = None, index: str | None = None) -> Locked:
    """Lock one environment, for its own profile or for another one, whose lock is then NAME-PROFILE.

    `index` is a URL or a folder of wheels, in place of the profile's own. Where it cannot be reached its packages are
    named as missing; a lock that has them already is left as it is. Raises DgopsError where nothing fits together.
    """
    wanted = locks.wanted(name)
    profile = profiles.get(profile_name or wanted.profile)
    path = tables.folder("locks") / f"{wanted.file_for(profile)}.txt"
    pins = wanted.family_pins(profile)
    source = index or profile.index
    why = unreachable(source) if pins else ""
    before = path.read_text() if path.exists() else ""
    if why and before and not set(pins) & set(locks.missing(before)):
        return Locked(path.stem, profile.name, path, _count(before), pins, f"{why}; the lock was left as it is")
    text = _resolve(wanted, () if why else pins, source, before)
    # A lock names no address.
    lacking = (*(pins if why else ()), *(one.split(" @ ")[0] for one in wanted.held_back))
    if not why:
        _require_pins(path.stem, text, pins)
    head = [f"# Made by `dgops env lock` from {name}.in for the profile {profile.name}."]
    head += [f"{locks.INCOMPLETE}{one}" for one in lacking]
    write_atomic(path, ("\n".join([*head, text])).encode())
    return Locked(path.stem, profile.name, path, _count(text), lacking, why or ("no index holds it" if lacking else ""))


def unreachable(index: str) -> str:
    """Return why an index cannot be asked, nothing where it can."""
    if "://" not in index:
        return "" if Path(index).is_dir() else f"{index} is no folder"
    try:
        with urllib.request.urlopen(f"{index.rstrip('/')}/torch/", timeout=REACH_SECONDS):
            return ""
    except (OSError, ValueError) as error:
        return f"{index} could not be reached: {getattr(error, 'reason', error)}"


def _resolve(wanted: Wanted, pins: Sequence[str], index: str, before: str) -> str:
    """Return uv's lock; versions of the lock before stay where they still fit."""
    with tempfile.TemporaryDirectory(prefix="dgops-lock-") as scratch:
        folder = Path(scratch)
        (folder / "pyproject.toml").write_text(_project(wanted, pins, index))
        # Left out wherever another package asks for them: from the ordinary index they would be another build.
        absent = [*map(locks.requirement_name, wanted.held_back), *(() if pins else locks.FAMILY)]
        (folder / "excludes.txt").write_text("".join(f"{name}\n" for name in absent))
        (folder / "lock.txt").write_text(before)
        argv = [_uv(), "pip", "compile", "--quiet", "--universal", "--python-version", wanted.pythons[0], "--no-build"]
        argv += ["--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url"]
        argv += ["--excludes", "excludes.txt", "--output-file", "lock.txt", "pyproject.toml"]
        done = subprocess.run(
            argv, cwd=folder, env=_environment(), capture_output=True, text=True, timeout=RESOLVE_SECONDS
        )
        if done.returncode:
            words = [line.strip() for line in done.stderr.splitlines() if line.strip().startswith(("error", "cause"))]
            said = " ".join(words) or f"uv ended with exit {done.returncode}"
            raise DgopsError(f"{wanted.name} cannot be locked: {said}", f"look at locks/{wanted.name}.in")
        return (folder / "lock.txt").read_text()


def _project(wanted: Wanted, pins: Sequence[str], index: str) -> str:
    """Return a project for uv; its index is explicit, so that nothing but the torch family is taken from there."""
    first, last = wanted.pythons
    end = f"3.{int(last.split('.')[1]) + 1}"
    here = f"{PLATFORM} and python_full_version >= '{first}' and python_full_version < '{end}'"
    lines = ["[project]", 'name = "lock"', 'version = "0"', f'requires-python = ">={first},<{end}"']
    lines += [f"dependencies = {json.dumps([*wanted.ordinary, *pins])}"]
    lines += ["[tool.uv]", f"environments = [{json.dumps(here)}]"]
    if pins:
        lines += ["[[tool.uv.index]]", 'name = "torch-family"', "explicit = true"]
        folder = "://" not in index
        lines += [f"url = {json.dumps(str(Path(index).absolute()) if folder else index)}"]
        lines += ['format = "flat"'] if folder else []
        lines += ["[tool.uv.sources]"]
        lines += [f'{locks.requirement_name(pin)} = {{ index = "torch-family" }}' for pin in pins]
    return "\n".join(lines) + "\n"


def _require_pins(name: str, text: str, pins: Sequence[str]) -> None:
    entries = text.replace("\\\n", " ").splitlines()
    for pin in pins:
        if not any(line.split()[:1] == [pin] and "--hash=" in line for line in entries):
            raise DgopsError(f"{name}: uv locked something other than {pin}", "the index holds other builds")


def _environment() -> dict[str, str]:
    # Behind a proxy that signs its traffic the system's certificates are the right ones. The wheels of a folder that
    # this machine's installers look into may be builds of their own.
    kept = {key: value for key, value in os.environ.items() if key not in ("UV_FIND_LINKS", "VIRTUAL_ENV")}
    certificates = {"SSL_CERT_FILE": BUNDLE} if os.path.exists(BUNDLE) else {}
    return {**certificates, "UV_PYTHON_DOWNLOADS": "never", **kept}


def _uv() -> str:
    try:
        from uv import find_uv_bin
    except ImportError:
        raise DgopsError("uv is not installed here", "pip install 'dgops[controller]'") from None
    return str(find_uv_bin())


def _count(text: str) -> int:
    return sum("==" in line and not line.startswith("#") for line in text.splitlines())
