"""What a sandbox remembers of each host: written before the container is made, gone after it is gone."""

from __future__ import annotations

import json
import secrets
import string
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from dgops.errors import ConfigError
from dgops.files import write_json
from dgops.sandbox.spec import HostSpec

if TYPE_CHECKING:
    from pathlib import Path

    from dgops.sandbox.layout import Layout


def _pod_id() -> str:
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(14))


@dataclass(frozen=True)
class Record:
    """One host as last written down; `port` is the one it was last started with."""

    spec: HostSpec
    pod_id: str = field(default_factory=_pod_id)
    port: int = 0
    fingerprints: tuple[str, ...] = ()

    def with_port(self, port: int) -> Record:
        """Return the record of a start on port; the keys of that start are not known yet."""
        return replace(self, port=port, fingerprints=())


def load_all(layout: Layout) -> list[Record]:
    """Return every host of the sandbox, by name."""
    return [_read(path) for path in sorted(layout.records.glob("*.json"))]


def load(layout: Layout, name: str) -> Record | None:
    """Return the host of that name, or None."""
    path = _path(layout, name)
    return _read(path) if path.is_file() else None


def save(layout: Layout, record: Record) -> None:
    """Write a host down."""
    write_json(_path(layout, record.spec.name), asdict(record))


def forget(layout: Layout, name: str) -> None:
    """Drop a host; one that never was is fine."""
    _path(layout, name).unlink(missing_ok=True)


def _path(layout: Layout, name: str) -> Path:
    return layout.records / f"{name}.json"


def _read(path: Path) -> Record:
    try:
        raw = json.loads(path.read_text())
        spec = HostSpec(**raw.pop("spec"))
        return Record(spec, raw["pod_id"], int(raw["port"]), tuple(raw["fingerprints"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError([f"{path}: not a sandbox host: {error}"], "dgops sandbox down clears it away") from error
