"""What the result of each role depends on, read from its files without running anything."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops.deploy import jinja_names, role_tasks
from dgops.deploy.jinja_names import ANY, ELEMENT, EXPRESSION, Read, Uses
from dgops.deploy.role_tasks import Written
from dgops.files import digest_files, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SEEN, BUILT, AGENT, ROLES, SECRETS = (
    "contract__seen",
    "contract__built",
    "contract__agent",
    "contract__roles",
    "dgops_secret",
)
# The same for a host whatever happens, or never other than in a look.
CONSTANT = {
    "ansible_check_mode",
    "ansible_diff_mode",
    "ansible_index_var",
    "ansible_loop",
    "ansible_loop_var",
    "ansible_playbook_python",
    "ansible_role_name",
    "ansible_run_tags",
    "ansible_skip_tags",
    "inventory_hostname",
    "inventory_hostname_short",
    "item",
    "omit",
    "playbook_dir",
    "role_name",
    "role_path",
}
WHOLE_RUN = {"groups", "hostvars", "play_hosts", "vars"}
# Facts that change while nobody changes anything.
RESTLESS = {"free_mb"}
FOLDERS = ("files", "templates", "tasks", "vars", "")


@dataclass(frozen=True)
class RoleInputs:
    """What a role's result depends on beside the files of its folder.

    `variables` are names; `facts` dotted paths below contract__seen; `cargo` is agent, wheel and secret:NAME;
    `files` are the Jinja expressions of controller files, each giving a path, a glob or a list of them, which may be
    empty; `impure` says in words why no digest of all this can stand for the result, and is empty for a pure role.
    """

    role: str
    variables: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    cargo: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    impure: tuple[str, ...] = ()


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
        own = {name: role_tasks.value_uses(value) for name, value in given.items()}
        setters = {name: role for role, written in self.roles.items() for name in written.sets}
        return {
            role: _Resolver(self.folder / role, written, {**self.uses, **own}, setters).resolve()
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
    code = [Path(str(one.__file__)) for one in (jinja_names, role_tasks)] + [Path(__file__)]
    digest = digest_files(Path("/"), [path.resolve() for path in code]) + digest_files(folder, files)
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
    roles = {name: role_tasks.read(folder / name) for name in names}
    pairs = [(name, value) for one in roles.values() for name, value in [*one.defaults.items(), *one.fixed.items()]]
    uses: dict[str, Uses] = {}
    for name, value in pairs:
        uses[name] = role_tasks.value_uses(value)
    return Analysis(folder, roles, uses)


class _Resolver:
    """Follows the names of one role through the variables of all."""

    def __init__(self, folder: Path, written: Written, uses: Mapping[str, Uses], setters: Mapping[str, str]) -> None:
        self.folder, self.written, self.uses, self.setters = folder, written, uses, setters
        self.variables: set[str] = set()
        self.facts: set[str] = set()
        self.cargo: set[str] = set()
        self.impure: set[str] = set()
        self.seen: set[str] = set()

    def resolve(self) -> RoleInputs:
        """Return what the role depends on."""
        self._take(self.written.uses, "")
        facts = {one for one in self.facts if not any(one.startswith(f"{other}.") for other in self.facts)}
        # What its author says comes before what was found.
        impure = (self.written.always,) if self.written.always else tuple(sorted(self.impure))
        groups = [tuple(sorted(one)) for one in (self.variables, facts, self.cargo)]
        return RoleInputs(self.folder.name, *groups, self.written.declared, impure)

    def _take(self, uses: Uses, by: str) -> None:
        way = f", by way of {by}" if by else ""
        self.impure |= {f"{reason}{way}" for reason in uses.impure}
        for read in uses.reads:
            self.impure |= {f"{reason}{way}" for reason in self._wrong(read)}
        for name in uses.names:
            self._follow(name, way)

    def _follow(self, path: str, way: str) -> None:
        if path in self.seen:
            return
        self.seen.add(path)
        name, _, rest = path.partition(".")
        if name == SEEN:
            self._fact(rest, way)
        elif name == BUILT:
            self.cargo |= {rest.partition(".")[0]} if rest else {"agent", "wheel"}
        elif name == SECRETS:
            self._secret(rest, way)
        elif name in self.setters:
            if name not in self.written.sets:
                self.impure.add(f"uses {name}, registered by role {self.setters[name]}{way}")
        elif name in self.uses:
            self._variable(name, rest)
        elif name in WHOLE_RUN:
            self.impure.add(f"uses {name}{way}")
        elif name.startswith("ansible_") and name not in CONSTANT:
            self.impure.add(f"uses fact {name}{way}")
        elif name not in CONSTANT:
            self.variables.add(name)

    def _fact(self, path: str, way: str) -> None:
        if not path:
            self.impure.add(f"uses the whole of {SEEN}{way}")
        elif path.partition(".")[0] in RESTLESS:
            self.impure.add(f"uses {SEEN}.{path.partition('.')[0]}, which changes by itself{way}")
        else:
            self.facts.add(path)

    def _secret(self, path: str, way: str) -> None:
        if path:
            self.cargo.add(f"secret:{path.partition('.')[0]}")
        else:
            self.impure.add(f"uses the whole of {SECRETS}{way}")

    def _variable(self, name: str, rest: str) -> None:
        self.variables.add(name)
        self.cargo |= {"agent"} if name == AGENT else set()
        alias = self.uses[name].alias
        if alias and rest:
            self._follow(f"{alias}.{rest}", f", by way of {name}")
        else:
            self._take(self.uses[name], name)

    def _wrong(self, read: Read) -> Iterator[str]:
        """Yield why the role may not read a file."""
        place = self._place(read.path)
        own = place is not None and place.is_relative_to(self.folder)
        if read.template:
            if place is None or not own or (place != self.folder / "checks.yml" and "templates" not in place.parts):
                yield f"renders {_shown(read.path)}, which is not among its templates"
        elif not own and not self._cargo(read.path) and not any(_covers(one, read.path) for one in self.written.files):
            yield f"reads {_shown(read.path)}, which inputs.yml does not name"

    def _place(self, path: str) -> Path | None:
        """Return where a path lies, None where only the run knows, or where nothing lies."""
        text = path.replace(f"{EXPRESSION}role_path{EXPRESSION}", str(self.folder))
        text = text.replace(f"{EXPRESSION}{ROLES}{EXPRESSION}", str(self.folder.parent))
        if re.search(f"[{EXPRESSION}{ANY}{ELEMENT}]", text):
            return None
        around = [self.folder / folder for folder in FOLDERS]
        found = (Path(_normal(folder / text)) for folder in around)
        # An absolute path is itself, whatever folder stands before it.
        return next((one for one in found if next(one.parent.glob(one.name), None)), None)

    def _cargo(self, path: str) -> bool:
        """Say whether a path is one of what contract builds: dgops knows its digest."""
        if not (path.startswith(EXPRESSION) and path.endswith(EXPRESSION)):
            return False
        name, _, rest = path.strip(EXPRESSION).partition(".")
        for _ in self.uses:
            if name not in self.uses or name == BUILT or not self.uses[name].alias:
                break
            name, _, rest = f"{self.uses[name].alias}.{rest}".partition(".")
        return name == BUILT


def _normal(path: Path) -> str:
    import os

    return os.path.normpath(path)


def _covers(declared: str, path: str) -> bool:
    """Say whether a declared path names a read one; a star in it stands for a part without a slash."""
    if declared.startswith(EXPRESSION) and declared.endswith(EXPRESSION) and declared.count(EXPRESSION) == 2:
        return path.replace(ELEMENT, EXPRESSION) == declared
    parts = (re.escape(part) for part in declared.split("*"))
    return bool(re.fullmatch("[^/]*".join(parts), path, re.DOTALL))


def _shown(path: str) -> str:
    """Return a path with marks as a person may read it."""
    text = re.sub(f"[{EXPRESSION}{ELEMENT}]([\\w.]+)[{EXPRESSION}{ELEMENT}]", r"{{ \1 }}", path)
    text = re.sub(f"([{EXPRESSION}{ELEMENT}]).*?\\1", "{{ … }}", text, flags=re.DOTALL)
    return text.replace(ANY, "…")


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
