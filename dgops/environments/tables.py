"""Where the data of environments lies, in the clone or in the installed package, and how it is read."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dgops
from dgops.errors import DgopsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


def folder(name: str) -> Path:
    """Return the folder `profiles` or `locks`."""
    package = Path(dgops.__file__).parent
    for top in (package.parent, package / "share"):
        if (top / "profiles" / "tables").is_dir() and (top / name).is_dir():
            return top / name
    raise DgopsError(f"no {name} beside {package}", "install dgops from its wheel, or work in a clone")


def read(path: Path) -> dict[str, Any]:
    """Return a YAML file's mapping."""
    import yaml

    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def not_known(what: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error for a name that is not in a table, with the nearest that are."""
    lower = {one.lower(): one for one in known}
    near = [lower[one] for one in difflib.get_close_matches(name.lower(), lower)]
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(lower.values())}"
    return UsageError(f"no {what} is known as {name!r}", hint)


def release(version: str) -> tuple[int, ...]:
    """Return a version's numbers, so that 2.10 comes after 2.9; what follows + or a letter counts for nothing."""
    numbers = []
    for part in version.split("+", maxsplit=1)[0].split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)
