"""Where state, keys and inventory live, and which value comes from where."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dgops.agent.spend import duration
from dgops.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT_FILE = "dgops.toml"
MODES = ("production", "fast-test")
RUNPOD_URL = "https://api.runpod.io"
# The key goes along: in the clear it may not leave this machine.
_SAFE_URL = re.compile(r"https://[^/?#@\s]+(/[^?#\s]*)?|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/[^?#\s]*)?")
MAP_KEYS = ("name", "host", "host_path", "repo", "local_path", "branch", "kind")
MAP_OPTIONAL = ("branch", "kind")
# The keys of [pods]: what pods that are rented from here may cost, unless their create says otherwise.
PODS = ("ttl", "max_cost", "idle_minutes", "idle_gpu", "budget_per_day")


@dataclass(frozen=True)
class Setting:
    """One value and where it came from: `default`, `env NAME`, a file, or `option`."""

    value: Any
    source: str


@dataclass(frozen=True)
class MapTable:
    """One `[[sync.map]]` of a file: the file and the table's place in it, and the texts under their keys."""

    file: Path
    number: int
    values: dict[str, str]

    @property
    def where(self) -> str:
        """File and table, as a message names them."""
        return f"{self.file}: sync.map {self.number}" + (f" ({self.values['name']})" if "name" in self.values else "")


@dataclass(frozen=True)
class Settings:
    """The settings of one command, resolved once at its start.

    `project` is the folder of the nearest dgops.toml upward, or None outside of one. Relative paths in a
    file are relative to the folder that the file stands in. `gather` is that section of it as it stands there.
    """

    values: dict[str, Setting]
    project: Path | None = None
    maps: tuple[MapTable, ...] = ()
    gather: Any = None

    @property
    def mode(self) -> str | None:
        """The mode asked for here, or None where each host's inventory decides."""
        return str(self.values["mode"].value) if self.values["mode"].value else None

    @property
    def state(self) -> Path:
        """The folder for known hosts, contracts, keys and events."""
        return Path(self.values["state"].value)

    @property
    def cache(self) -> Path:
        """The folder for what can be made again: base images, built wheels."""
        return Path(self.values["cache"].value)

    @property
    def inventories(self) -> tuple[Path, ...]:
        """The inventory folders asked for, empty where nobody named one."""
        return tuple(Path(path) for path in self.values["inventory"].value)

    @property
    def forks(self) -> int:
        """How many hosts are worked on at once."""
        return int(self.values["forks"].value)

    @property
    def connect_timeout(self) -> float:
        """Seconds that a connection may take."""
        return float(self.values["connect_timeout"].value)

    @property
    def runpod_url(self) -> str:
        """Where RunPod's API answers: /v2 is below it."""
        return str(self.values["runpod_url"].value)

    @property
    def runpod_graphql_url(self) -> str:
        """Where RunPod's GraphQL answers."""
        return str(self.values["runpod_graphql_url"].value or f"{self.runpod_url}/graphql")

    @property
    def pods(self) -> dict[str, Any]:
        """The keys of [pods], None where one is not set."""
        return {key: self.values[f"pods.{key}"].value for key in PODS}

    @property
    def root(self) -> Path:
        """The folder that a relative inventory is looked for in."""
        return self.project or Path.cwd()


def load(start: Path | None = None, options: dict[str, Any] | None = None) -> Settings:
    """Resolve every setting: option, then DGOPS_*, then dgops.toml, then ~/.config/dgops/config.toml.

    Raises ConfigError with every mistake of every file at once.
    """
    project = _find_project(start or Path.cwd())
    problems: list[str] = []
    layers = [_options_layer(options or {}), _environment_layer(problems)]
    maps: list[MapTable] = []
    own: dict[str, Any] = {}
    layers += [_file_layer(path, problems, maps, own) for path in (project, _user_file()) if path and path.is_file()]
    layers.append(_defaults(project.parent if project else None))
    if problems:
        raise ConfigError(problems, "dgops settings lists the keys and where each value came from")
    values = {key: next(layer[key] for layer in layers if key in layer) for key in layers[-1]}
    return Settings(values, project.parent if project else None, maps=tuple(maps), gather=own.get("gather"))


def _find_project(start: Path) -> Path | None:
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder / PROJECT_FILE
    return None


def _user_file() -> Path:
    return _xdg("XDG_CONFIG_HOME", ".config") / "dgops" / "config.toml"


def _xdg(variable: str, fallback: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / fallback)


def _defaults(project: Path | None) -> dict[str, Setting]:
    # A project keeps its own state, so that two clones on one machine never meet.
    state = project / ".dgops" if project else _xdg("XDG_STATE_HOME", ".local/state") / "dgops"
    values: dict[str, Any] = {
        "cache": str(_xdg("XDG_CACHE_HOME", ".cache") / "dgops"),
        "connect_timeout": 10.0,
        "forks": 20,
        "inventory": [],
        "mode": None,
        "runpod_graphql_url": None,
        "runpod_url": RUNPOD_URL,
        "state": str(state),
        **{f"pods.{key}": None for key in PODS},
        "pods.idle_gpu": 10.0,
    }
    return {key: Setting(value, "default") for key, value in values.items()}


def _options_layer(options: dict[str, Any]) -> dict[str, Setting]:
    return {key: Setting(value, "option") for key, value in options.items() if value}


def _environment_layer(problems: list[str]) -> dict[str, Setting]:
    layer = {}
    for key in _defaults(None):
        name = f"DGOPS_{key.upper().replace('.', '_')}"
        text = os.environ.get(name)
        if text:
            raw: Any = text.split(os.pathsep) if key == "inventory" else text
            layer[key] = Setting(_checked(key, raw, Path.cwd(), name, problems), f"env {name}")
    return layer


def _file_layer(path: Path, problems: list[str], maps: list[MapTable], kept: dict[str, Any]) -> dict[str, Setting]:
    try:
        table = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{path}: not TOML: {error}")
        return {}
    known = _defaults(None)
    layer = {}
    maps += _maps(path, table.pop("sync", {}), problems)
    own = _pods(path, table.pop("pods", {}), problems)
    if path.name == PROJECT_FILE and "gather" in table:
        # What a set may be is known to the room of sets.
        kept["gather"] = table.pop("gather")
    table = {key: raw for key, raw in table.items() if "." not in key} | own
    for key, raw in table.items():
        if key not in known:
            plain = [*(one for one in known if "." not in one), "gather", "pods", "sync"]
            problems.append(f"{path}: {key}: unknown key (known: {', '.join(sorted(plain))})")
            continue
        layer[key] = Setting(_checked(key, raw, path.parent, f"{path}: {key}", problems), str(path))
    return layer


def _pods(path: Path, section: Any, problems: list[str]) -> dict[str, Any]:
    """Return the keys of [pods] as they are called among the others, or note what is wrong with them."""
    if not isinstance(section, dict):
        problems.append(f"{path}: pods: is no table [pods]")
        return {}
    known = f"(known: {', '.join(PODS)})"
    problems += [f"{path}: pods.{key}: unknown key {known}" for key in section if key not in PODS]
    return {f"pods.{key}": raw for key, raw in section.items() if key in PODS}


def _maps(path: Path, section: Any, problems: list[str]) -> list[MapTable]:
    """Return the tables of [[sync.map]], or note which of their keys are unknown, missing or no text."""
    tables = section.get("map", []) if isinstance(section, dict) else None
    if tables is None or set(section) - {"map"} or not all(isinstance(one, dict) for one in _listed(tables)):
        problems.append(f"{path}: sync: holds [[sync.map]] tables and nothing else")
        return []
    found = []
    for number, table in enumerate(_listed(tables), 1):
        texts = {key: value for key, value in table.items() if isinstance(value, str) and value}
        one = MapTable(path, number, {key: value for key, value in texts.items() if key in MAP_KEYS})
        known = f"(known: {', '.join(MAP_KEYS)})"
        problems += [f"{one.where}: {key}: unknown key {known}" for key in table if key not in MAP_KEYS]
        problems += [
            f"{one.where}: {key}: is missing" for key in MAP_KEYS if key not in table and key not in MAP_OPTIONAL
        ]
        problems += [f"{one.where}: {key}: {table[key]!r} is no text" for key in table if key not in texts]
        found.append(one)
    return found


def _listed(tables: Any) -> list[Any]:
    return tables if isinstance(tables, list) else [None]


def _checked(key: str, raw: Any, base: Path, where: str, problems: list[str]) -> Any:
    """Return the value of a key in its own type, or note what is wrong with it."""
    try:
        if key == "inventory":
            paths = [raw] if isinstance(raw, str) else list(raw)
            return [str(base / Path(path).expanduser()) for path in paths]
        if key in ("state", "cache"):
            return str(base / Path(raw).expanduser())
        checks = {
            "mode": _mode,
            "runpod_url": _url,
            "runpod_graphql_url": _url,
            "pods.ttl": _length,
            "pods.idle_gpu": _percent,
        }
        return checks[key](raw) if key in checks else _positive(key, raw)
    except (TypeError, ValueError) as error:
        problems.append(f"{where}: {error}")
        return None


def _mode(raw: Any) -> str:
    if raw not in MODES:
        raise ValueError(f"{raw!r} is not a mode (one of: {', '.join(MODES)})")
    return str(raw)


def _url(raw: Any) -> str:
    if not isinstance(raw, str) or not _SAFE_URL.fullmatch(raw):
        raise ValueError(f"{raw!r} is not an https:// address (http:// only on this machine)")
    return raw.rstrip("/")


def _length(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError(f'{raw!r} is no length of time such as "8h"')
    duration(raw)
    return raw


def _percent(raw: Any) -> float:
    if isinstance(raw, bool) or not 0 <= float(raw) <= 100:
        raise ValueError(f"{raw!r} is no percentage")
    return float(raw)


def _positive(key: str, raw: Any) -> int | float:
    number = int(raw) if key == "forks" else float(raw)
    if isinstance(raw, bool) or number <= 0:
        raise ValueError(f"{raw!r} is not a positive number")
    return number


def with_forks(settings: Settings, forks: int | None) -> Settings:
    """Return the settings with another number of forks, where one was given as an option."""
    if forks is None:
        return settings
    return replace(settings, values={**settings.values, "forks": Setting(forks, "option")})
