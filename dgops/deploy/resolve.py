"""What one role depends on, followed by name through the variables of all roles."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.deploy.jinja_walk import ANY, ELEMENT, EXPRESSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dgops.deploy.jinja_names import Uses
    from dgops.deploy.jinja_walk import Read
    from dgops.deploy.role_files import Written

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


class Resolver:
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
        names, cargo = tuple(sorted(self.variables)), tuple(sorted(self.cargo))
        return RoleInputs(self.folder.name, names, tuple(sorted(facts)), cargo, self.written.declared, impure)

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
        self.cargo |= {"agent"} if name == AGENT else set()
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
    return os.path.normpath(path)


def _covers(declared: str, path: str) -> bool:
    """Say whether a declared path names a read one; a star stands for a name, and for what a loop puts there."""
    star = f"(?:[^/{EXPRESSION}{ELEMENT}]|{ELEMENT}[^{ELEMENT}]*{ELEMENT})*"
    if declared.startswith(EXPRESSION) and declared.endswith(EXPRESSION) and declared.count(EXPRESSION) == 2:
        return path.replace(ELEMENT, EXPRESSION) == declared
    parts = (re.escape(part) for part in declared.split("*"))
    return bool(re.fullmatch(star.join(parts), path, re.DOTALL))


def _shown(path: str) -> str:
    """Return a path with marks as a person may read it."""
    text = re.sub(f"[{EXPRESSION}{ELEMENT}]([\\w.]+)[{EXPRESSION}{ELEMENT}]", r"{{ \1 }}", path)
    text = re.sub(f"([{EXPRESSION}{ELEMENT}]).*?\\1", "{{ … }}", text, flags=re.DOTALL)
    return text.replace(ANY, "…")
