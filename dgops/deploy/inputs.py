"""What each role's result depends on, as keyed digests: equal digests mean that it would do the same again."""

from __future__ import annotations

import glob
import hashlib
import hmac
import json
import os
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops.deploy import purity, tree, wheel
from dgops.deploy.plan import Inputs
from dgops.errors import DgopsError
from dgops.files import digest_file, write_atomic
from dgops.transport import agent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dgops.deploy.handover import Secrets
    from dgops.deploy.resolve import RoleInputs
    from dgops.health.contract import Contract
    from dgops.hosts.host import Host
    from dgops.settings import Settings

KEY_BYTES = 32
# Of a bigger file the size and time stand for its content: a wheel of torch has 200 MB and more.
BIG = 1 << 20
# The clock that Linux stamps files with (linux/time.h); the other one runs some milliseconds ahead of it.
REALTIME_COARSE = 5


@dataclass(frozen=True)
class Declared:
    """What this tree and this controller say, read once for all hosts of a deploy.

    key makes digests that nobody can guess small values from: hosts carry them, and may be hostile.
    """

    root: Path
    key: bytes = field(repr=False)
    analysis: purity.Analysis
    mode: str | None = None
    secrets: Secrets = field(default_factory=dict, repr=False)
    read_at: int = field(default_factory=lambda: time.clock_gettime_ns(REALTIME_COARSE))

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Every role of the playbook but the bookkeeping ones, in their order."""
        return tuple(name for name in tree.playbook_roles() if name != tree.BOOKKEEPING)

    @cached_property
    def files(self) -> dict[str, dict[str, str]]:
        """The digests of each role's own files, and of what all roles stand on."""
        found = {role: self._tree(self.root / "roles" / role) for role in self.order}
        shared = self._tree(self.root / "roles" / tree.BOOKKEEPING)
        playbook = self.root / "playbooks" / "site.yml"
        shared["playbooks/site.yml"] = self.digest(playbook.read_bytes())
        shared["ansible-core"] = self.digest(_ansible().encode())
        return {role: {**shared, **own} for role, own in found.items()}

    @cached_property
    def wheel(self) -> str:
        """What the wheel of dgops would hold."""
        return wheel.tree_digest()

    def digest(self, data: bytes) -> str:
        """Return the keyed digest of some bytes."""
        return hmac.new(self.key, data, hashlib.sha256).hexdigest()[:KEY_BYTES]

    def _tree(self, folder: Path) -> dict[str, str]:
        return {
            path.relative_to(self.root).as_posix(): self.digest(path.read_bytes()) for path in tree.role_files(folder)
        }


def load(settings: Settings, secrets: Secrets) -> Declared:
    """Read the tree's roles, and this controller's key, which is made where it is missing."""
    root = tree.root()
    return Declared(root, _key(settings.state / "key"), purity.load(root, settings.cache), settings.mode, secrets)


def of_host(declared: Declared, host: Host, kept: Contract | None, seen: Mapping[str, Any]) -> Inputs:
    """Return the digest of every input of every role for one host.

    kept names the files of this controller that each role reads, resolved by the last run: they are still right as
    long as the variables are, which are compared too. seen is the agent's look at the host.
    """
    variables = {**host.variables, "group_names": sorted(host.groups)}
    if declared.mode:
        variables["dgops_mode"] = declared.mode
    roles = declared.analysis.for_host(variables)
    paths = kept.paths if kept else {}
    found = {}
    for role in declared.order:
        found[role] = {
            **declared.files[role],
            **_values(declared, roles[role], variables, seen),
            **_cargo(declared, roles[role], host),
            **_files(declared, paths.get(role, ())),
        }
    return Inputs(found, {role: roles[role].impure for role in declared.order})


def _values(
    declared: Declared, inputs: RoleInputs, variables: Mapping[str, Any], seen: Mapping[str, Any]
) -> dict[str, str]:
    known, fixed = declared.analysis.definitions, declared.analysis.fixed
    # What stands in a role's vars/ no inventory can replace.
    given = {name: value for name, value in variables.items() if name not in fixed}
    named = {name: [given.get(name), known.get(name)] for name in inputs.variables}
    facts = {f"contract__seen.{fact}": _fact(seen, fact) for fact in inputs.facts}
    return {
        name: declared.digest(json.dumps(value, sort_keys=True, default=str).encode())
        for name, value in {**named, **facts}.items()
    }


def _cargo(declared: Declared, inputs: RoleInputs, host: Host) -> dict[str, str]:
    found = {}
    for name in inputs.cargo:
        kind, _, secret = name.partition(":")
        if secret:
            value = declared.secrets.get(host.name, {}).get(secret, "")
            found[f"secret {secret}"] = declared.digest(value.encode())
        else:
            found[f"dgops' {kind}"] = declared.wheel if kind == "wheel" else agent.digest()[:KEY_BYTES]
    return found


def _files(declared: Declared, patterns: Sequence[str]) -> dict[str, str]:
    paths = [path for pattern in patterns for path in sorted(glob.glob(os.path.expanduser(pattern)))]
    try:
        return {path: _file(declared, Path(path)) for path in paths}
    except OSError as error:
        words = f"{error.filename}, which its roles read on this machine: {error.strerror}"
        raise DgopsError(words, "make it readable, or name another one in the inventory") from None


def _fact(seen: Mapping[str, Any], path: str) -> Any:
    value: Any = seen
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _file(declared: Declared, path: Path) -> str:
    if not path.is_file():
        return declared.digest(b"a folder" if path.is_dir() else b"nothing")
    status = path.stat()
    if status.st_ctime_ns >= declared.read_at:
        # Altered while the deploy went on: a role may have read it before or after, so that nothing equals this.
        return os.urandom(KEY_BYTES // 2).hex()
    if status.st_size > BIG:
        return declared.digest(f"{status.st_size} {status.st_mtime_ns} {status.st_ino}".encode())
    return declared.digest(digest_file(path).encode())


def _ansible() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("ansible-core")
    except PackageNotFoundError:
        return "none"


def _key(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        key = os.urandom(KEY_BYTES)
        write_atomic(path, key.hex() + "\n", mode=0o600)
    return key
