"""Check a .wsl file against every rule, and say what breaks one, how, and how to mend it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dgops.images import archive
from dgops.images.rule_table import RULES
from dgops.images.rules import ERROR, Finding

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Report:
    """What was found in a file, and by how many rules."""

    path: Path
    rules: int
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that WSL would refuse, or that would break the distro."""
        return tuple(one for one in self.findings if one.severity == ERROR)

    @property
    def ok(self) -> bool:
        """Whether there are no errors; warnings are no reason to refuse."""
        return not self.errors


def check(path: Path) -> Report:
    """Look through a file and judge it."""
    seen = archive.load(path)
    found = [Finding(rule.name, rule.severity, *broken) for rule in RULES for broken in rule.look(seen)]
    return Report(path, len(RULES), tuple(found))


def to_json(report: Report) -> dict[str, Any]:
    """Return the documented shape of `dgops image check --json`."""
    return {
        "ok": report.ok,
        "path": str(report.path),
        "rules": report.rules,
        "findings": [asdict(one) for one in report.findings],
    }
