"""Where the playbooks, roles and locks lie: in the clone, or in the installed package."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import dgops
from dgops.errors import DgopsError, UsageError
from dgops.git.commit import describe

# The role that looks, and renders the checks: it stands first and last in the playbook, and is no host's business.
BOOKKEEPING = "contract"


def root() -> Path:
    """Return the folder that holds playbooks/ and roles/."""
    package = Path(dgops.__file__).parent
    for folder in (package.parent, package / "share"):
        if (folder / "playbooks" / "site.yml").is_file():
            return folder
    raise DgopsError(f"no playbooks beside {package}", "install dgops from its wheel, or work in a clone")


def role_names() -> list[str]:
    """Return the names of all roles."""
    return sorted(path.parent.parent.name for path in (root() / "roles").glob("*/tasks/main.yml"))


def playbook_roles() -> list[str]:
    """Return the roles of the playbook in their order, each once."""
    # Its lines, not its YAML: that library takes longer to load than a look takes.
    text = (root() / "playbooks" / "site.yml").read_text()
    return list(dict.fromkeys(re.findall(r"^\s*-\s*(?:\{\s*)?role:\s*(\w+)", text, re.MULTILINE)))


def role_files(folder: Path) -> list[Path]:
    """Return all files of a role; what is generated for people is left out."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".md", ".pyc"))


def require_roles(names: tuple[str, ...]) -> None:
    """Raise UsageError for a name that is no role, with the nearest ones."""
    known = role_names()
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known)
            hint = f"did you mean {' or '.join(near)}?" if near else f"roles: {', '.join(known)}"
            raise UsageError(f"no role is named {name}", hint)


def commit() -> str:
    """Return the commit that the roles come from, or the release where they come from a wheel."""
    return describe(root()) or f"release {release()}"


def release() -> str:
    """Return the version of the installed package."""
    from importlib.metadata import version

    return version("dgops")
