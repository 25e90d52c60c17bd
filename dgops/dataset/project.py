"""The sets that a project's dgops.toml asks for, each with all that a run of the pipeline needs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops.dataset.names import slug_problem, trigger_problem
from dgops.dataset.options import CAPTIONERS, CROPS, Options, read_targets
from dgops.errors import ConfigError, UsageError
from dgops.hosts.paths import to_here
from dgops.settings import PROJECT_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dgops.settings import Settings

FOLDERS = ("source", "output", "output_dir")
REQUIRED = ("source", "trigger", "crop")
KEYS = ("source", "trigger", "crop", "captioner", "target", "output", "output_dir")
EXAMPLE = '[gather.amira]\n  source = "photos"\n  trigger = "amiranoor"\n  crop = "face"'


def chosen(settings: Settings, slug: str = "") -> Options:
    """Return what is asked of one set; without a slug that of the only one there is.

    Raises ConfigError with every mistake of every set, each with file and key; UsageError where there is no such set.
    """
    file = _file(settings)
    tables = settings.gather
    if not tables:
        raise UsageError(f"{file} describes no set", EXAMPLE)
    if not isinstance(tables, dict) or not all(isinstance(one, dict) for one in tables.values()):
        raise ConfigError([f"{file}: gather: holds one table for each set, [gather.SLUG], and nothing else"], EXAMPLE)
    slug = slug or _only(file, tables)
    if slug not in tables:
        raise UsageError(f"{file} describes no set {slug!r}", f"it describes: {', '.join(tables)}")
    found = {name: _complaints(name, table) for name, table in tables.items()}
    found[slug] += _lacking(file.parent, tables[slug])
    problems = [f"{file}: gather.{name}: {words}" for name, all_words in found.items() for words in all_words]
    if problems:
        raise ConfigError(problems, "dgops run dataset --help says what each of them means")
    said = {**tables[slug], "output": tables[slug].get("output", "outputs")}
    folders: dict[str, Any] = {key: _path(file.parent, said[key]) for key in FOLDERS if key in said}
    rest = {key: value for key, value in said.items() if key not in folders}
    return Options(slug, **folders, **rest, targets=read_targets(os.environ))


def _file(settings: Settings) -> Path:
    if settings.project is None:
        raise UsageError(f"no {PROJECT_FILE} here or above: a set is described there", "dgops init writes one")
    return settings.project / PROJECT_FILE


def _only(file: Path, tables: Mapping[str, Any]) -> str:
    if len(tables) > 1:
        raise UsageError(f"which set? {file} describes {', '.join(tables)}", "name it behind the command")
    return next(iter(tables))


def _complaints(slug: str, table: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with one set's table, key by key."""
    found = [problem] if (problem := slug_problem(slug)) else []
    found += [f"{key}: unknown key (known: {', '.join(KEYS)})" for key in table if key not in KEYS]
    found += [f"{key}: is missing" for key in REQUIRED if key not in table]
    checks: dict[str, Callable[[Any], str]] = {
        "trigger": lambda value: _no_text(value) or trigger_problem(value),
        "crop": lambda value: _not_one_of(value, CROPS),
        "captioner": lambda value: _not_one_of(value, CAPTIONERS),
        "target": lambda value: "" if type(value) is int and value > 0 else f"{value!r} is no number of images",
        **dict.fromkeys(FOLDERS, _no_path),
    }
    judged = ((key, checks[key](value)) for key, value in table.items() if key in checks)
    return [*found, *(f"{key}: {words}" for key, words in judged if words)]


def _no_text(value: Any) -> str:
    return "" if isinstance(value, str) and value else f"{value!r} is no text"


def _not_one_of(value: Any, known: tuple[str, ...]) -> str:
    return "" if value in known else f"{value!r} is none of {', '.join(known)}"


def _no_path(value: Any) -> str:
    wrong = _no_text(value)
    if wrong:
        return wrong
    try:
        to_here(value)
    except UsageError as error:
        return error.message
    return ""


def _lacking(folder: Path, table: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the photographs of a set that shall be made now; others may be elsewhere today."""
    source = table.get("source", "")
    if "source" not in table or _no_path(source) or _path(folder, source).is_dir():
        return []
    return [f"source: {source} is no folder"]


def _path(folder: Path, text: str) -> Path:
    """Return a path that stands in a file of a folder, short where that is the one that we are in."""
    typed = folder / text
    path = typed if typed.exists() else folder / to_here(text)
    return path.relative_to(folder) if folder == Path.cwd() and path.is_relative_to(folder) else path
