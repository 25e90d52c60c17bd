"""A role's folder as it is written: what its tasks, templates and variables name, and what inputs.yml declares."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dgops.deploy.jinja_names import Uses, path_of, union, uses
from dgops.deploy.role_tasks import answers, flat, loop_names, sets, task_uses
from dgops.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

INPUT_KEYS = {"files", "pure", "reason"}


@dataclass(frozen=True)
class Written:
    """One role as its files say it.

    `sets` are the names that its tasks register or set; `defaults` and `fixed` its variables, raw; `files` the paths
    that inputs.yml declares, with marks; `always` the reason that it gives for running always, empty where it may be
    skipped.
    """

    uses: Uses
    sets: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    always: str = ""


def read(role: Path) -> Written:
    """Read a role's folder; ConfigError where its inputs.yml is wrong."""
    tasks = [task for name in ("tasks", "handlers") for task in _tasks(role / name)]
    every = [one for task in tasks for one in flat(task)]
    scope: dict[str, str | None] = dict.fromkeys(loop_names(every))
    handlers = {name for task in _tasks(role / "handlers") for one in flat(task) for name in answers(one)}
    found = [task_uses(task, scope, handlers) for task in tasks]
    found += [uses(path.read_text(errors="replace"), scope) for path in _templates(role)]
    depends = _load(role / "meta" / "main.yml") or {}
    if depends.get("dependencies"):
        found.append(Uses(impure=frozenset({"depends on another role"})))
    declared, always = _inputs(role / "inputs.yml")
    return Written(
        union(found),
        frozenset(name for task in every for name in sets(task)),
        _variables(role / "defaults"),
        _variables(role / "vars"),
        tuple(path_of(one) for one in declared),
        declared,
        always,
    )


def _load(path: Path) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML with Ansible's tags, whose texts are no templates."""

    Loader.add_constructor("!unsafe", _plain)
    Loader.add_constructor("!vault", _plain)
    if not path.is_file():
        return None
    return yaml.load(path.read_text(), Loader)


def _plain(loader: Any, node: Any) -> dict[str, str]:
    # Braces in it are braces: written so that nobody takes it for a template.
    return {"unsafe": str(loader.construct_scalar(node)).encode().hex()}


def _yaml_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".yml", ".yaml") and path.is_file())


def _tasks(folder: Path) -> list[dict[str, Any]]:
    return [task for path in _yaml_files(folder) for task in _load(path) or [] if isinstance(task, dict)]


def _variables(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in _yaml_files(folder):
        found.update(_load(path) or {})
    # As JSON gives it back: dates are texts and keys too.
    plain: dict[str, Any] = json.loads(json.dumps(found, default=str))
    return plain


def _templates(role: Path) -> list[Path]:
    found = [path for path in (role / "templates").rglob("*") if path.is_file()]
    return sorted(found) + [path for path in [role / "checks.yml"] if path.is_file()]


def _inputs(path: Path) -> tuple[tuple[str, ...], str]:
    """Return the files that inputs.yml names, and its reason for running always."""
    body = _load(path) or {}
    if not isinstance(body, dict):
        raise ConfigError([f"{path}: holds no mapping"], "it may hold files, pure and reason")
    problems = [f"{path}: {key}: unknown key (known: files, pure, reason)" for key in body.keys() - INPUT_KEYS]
    files = body.get("files", [])
    if not isinstance(files, list) or not all(isinstance(one, str) and one for one in files):
        problems.append(f"{path}: files: is no list of texts")
        files = []
    pure, reason = body.get("pure", True), body.get("reason", "")
    if not isinstance(pure, bool):
        problems.append(f"{path}: pure: {pure!r} is neither true nor false")
    if not isinstance(reason, str) or (pure is False) != bool(reason):
        problems.append(f"{path}: reason: a role that is not pure says why, and no other does")
    if problems:
        raise ConfigError(sorted(problems), "it may hold files, pure and reason")
    return tuple(files), " ".join(reason.split())
