"""Which tree may be deployed where: what an inventory asks of branch and commit, before anything is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dgops.deploy import tree
from dgops.errors import ConfigError, DgopsError
from dgops.git.repository import open_repository

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.git.repository import Repository
    from dgops.hosts.host import Host

BRANCH, CLEAN, PUSHED = "dgops_branch", "dgops_clean", "dgops_pushed"


def require(hosts: Sequence[Host]) -> None:
    """Raise DgopsError naming every host that this tree may not be deployed to, and why.

    An inventory says `dgops_branch` (a name or a list of names), `dgops_clean` (nothing uncommitted) and
    `dgops_pushed` (the commit is on the branch's remote).
    """
    asking = [host for host in hosts if any(host.variables.get(name) for name in (BRANCH, CLEAN, PUSHED))]
    if not asking:
        return
    problems = [problem for host in asking for problem in _malformed(host)]
    if problems:
        raise ConfigError(problems, "dgops_branch is a name or a list of names, the others are true or false")
    facts = _Tree()
    refusals = [(host.name, why) for host in asking for why in facts.refusals(host.variables)]
    if refusals:
        rows = "\n  ".join(f"{name}: {why}" for name, why in dict.fromkeys(refusals))
        raise DgopsError(f"this tree may not be deployed there:\n  {rows}", "commit, push or switch, then deploy again")


def _malformed(host: Host) -> list[str]:
    wrong = [name for name in (CLEAN, PUSHED) if not isinstance(host.variables.get(name, False), bool)]
    branch = host.variables.get(BRANCH, "")
    names = branch if isinstance(branch, list) else [branch]
    wrong += [] if all(isinstance(name, str) for name in names) else [BRANCH]
    return [f"{host.inventory}: {host.name}: {name} is {host.variables[name]!r}" for name in wrong]


class _Tree:
    """What git says of the tree that the roles come from, asked once."""

    def __init__(self) -> None:
        self.repository: Repository | None = None
        try:
            self.repository = open_repository(tree.root())
        except DgopsError:
            # Outside a clone nobody can tell the branch.
            return
        self.branch = self.repository.ask("symbolic-ref", "--quiet", "--short", "HEAD")
        self.commit = self.repository.ask("rev-parse", "--short=12", "HEAD") or "none"
        self.dirty = self.repository.ask("status", "--porcelain")
        self.upstream = self.repository.ask("rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}")

    def refusals(self, variables: Any) -> list[str]:
        """Return in words what stands against a host that has these variables."""
        if self.repository is None:
            return [f"the roles come from {tree.root()}, which is no clone, so their branch is not known"]
        allowed = variables.get(BRANCH) or []
        allowed = [allowed] if isinstance(allowed, str) else allowed
        found = []
        if allowed and self.branch not in allowed:
            at = f"the branch {self.branch}" if self.branch else f"no branch (commit {self.commit})"
            found.append(f"takes {' or '.join(allowed)}; this is {at}")
        if variables.get(CLEAN) and self.dirty:
            lines = self.dirty.splitlines()
            more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
            found.append(f"takes a clean tree; uncommitted: {lines[0][3:] if lines[0][2:3] == ' ' else lines[0]}{more}")
        if variables.get(PUSHED) and not self._pushed():
            where = self.upstream or "a remote: the branch has no upstream"
            found.append(f"takes pushed commits; {self.commit} is not on {where}")
        return found

    def _pushed(self) -> bool:
        assert self.repository is not None
        if not self.upstream:
            return False
        return self.repository.ask("merge-base", "--is-ancestor", "HEAD", self.upstream) is not None
