"""What the result of each role depends on, read from its files without running anything."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops.deploy import jinja_names, jinja_walk, resolve, role_files, role_tasks
from dgops.deploy.jinja_names import Uses
from dgops.deploy.jinja_walk import Read
from dgops.deploy.resolve import Resolver, RoleInputs
from dgops.deploy.role_files import Written
from dgops.files import digest_files, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Analysis:
    """The roles of a tree as they are written, and what each name in their variables depends on."""

    folder: Path
    roles: Mapping[str, Written]
    uses: Mapping[str, Uses]

    @cached_property
    def inputs(self) -> dict[str, RoleInputs]:
        """What each role depends on where an inventory's variables are no templates."""
        return self.for_host({})

    @cached_property
    def definitions(self) -> dict[str, Any]:
        """Every default and every fixed variable of all roles, as YAML gives it."""
        return {
            **{name: value for one in self.roles.values() for name, value in one.defaults.items()},
            **self.fixed,
        }

    @cached_property
    def fixed(self) -> dict[str, Any]:
        """The variables in vars/ of all roles: an inventory cannot replace them."""
        return {name: value for one in self.roles.values() for name, value in one.fixed.items()}

    def for_host(self, variables: Mapping[str, Any]) -> dict[str, RoleInputs]:
        """Return what each role depends on, given the raw variables that an inventory holds for a host."""
        given = {name: value for name, value in variables.items() if name not in self.fixed}
        own = {name: jinja_names.value_uses(value) for name, value in given.items()}
        setters = {name: role for role, written in self.roles.items() for name in written.sets}
        return {
            role: Resolver(self.folder / role, written, {**self.uses, **own}, setters).resolve()
            for role, written in self.roles.items()
        }


def analyse(root: Path) -> dict[str, RoleInputs]:
    """Return what each role below root/roles depends on; ConfigError where an inputs.yml is wrong."""
    return _read(root).inputs


def definitions(root: Path) -> dict[str, Any]:
    """Return every default and role variable of the roles below root/roles, raw."""
    return _read(root).definitions


def load(root: Path, cache: Path) -> Analysis:
    """Return the analysis of a tree; one that was analysed before costs only its digest."""
    folder = root.resolve() / "roles"
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".md", ".pyc")]
    # What reads the tree is part of what it finds.
    code = [__file__, *(str(one.__file__) for one in (jinja_names, jinja_walk, resolve, role_files, role_tasks))]
    digest = digest_files(Path("/"), [Path(path).resolve() for path in code]) + digest_files(folder, files)
    kept = cache / "roles" / f"{digest[:16]}{digest[64:80]}.json"
    try:
        return _from_json(folder, json.loads(kept.read_text()))
    except (AttributeError, KeyError, OSError, TypeError, ValueError):
        # Absent, or damaged: it is made again either way.
        found = _read(root)
        write_json(kept, _to_json(found))
        return found


def _read(root: Path) -> Analysis:
    folder = root.resolve() / "roles"
    names = sorted(path.name for path in folder.iterdir() if (path / "tasks" / "main.yml").is_file())
    roles = {name: role_files.read(folder / name) for name in names}
    raw = Analysis(folder, roles, {}).definitions
    return Analysis(folder, roles, {name: jinja_names.value_uses(value) for name, value in raw.items()})


def _to_json(analysis: Analysis) -> dict[str, Any]:
    roles = {
        name: {**asdict(one), "uses": _listed(one.uses), "sets": sorted(one.sets)}
        for name, one in analysis.roles.items()
    }
    return {"roles": roles, "uses": {name: _listed(one) for name, one in analysis.uses.items()}}


def _listed(uses: Uses) -> dict[str, Any]:
    reads = sorted((one.path, one.template) for one in uses.reads)
    return {"names": sorted(uses.names), "reads": reads, "impure": sorted(uses.impure), "alias": uses.alias}


def _from_json(folder: Path, body: dict[str, Any]) -> Analysis:
    roles = {
        name: Written(
            _uses(one["uses"]),
            frozenset(one["sets"]),
            one["defaults"],
            one["fixed"],
            tuple(one["files"]),
            tuple(one["declared"]),
            one["always"],
        )
        for name, one in body["roles"].items()
    }
    return Analysis(folder, roles, {name: _uses(one) for name, one in body["uses"].items()})


def _uses(body: dict[str, Any]) -> Uses:
    reads = frozenset(Read(path, template) for path, template in body["reads"])
    return Uses(frozenset(body["names"]), reads, frozenset(body["impure"]), body["alias"])
