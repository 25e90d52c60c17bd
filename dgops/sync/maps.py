"""Maps: which folder of a host is which folder of a repository."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.errors import ConfigError, UsageError
from dgops.git.repository import GitError, open_repository
from dgops.hosts.paths import advice, is_windows_path, windows_to_wsl
from dgops.sync.names import refusal, under

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dgops.settings import MapTable, Settings

CODE, ARTIFACTS = "code", "artifacts"
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
# What a ref of git cannot hold.
NOT_IN_REF = re.compile(r"[^A-Za-z0-9_-]+")
EXAMPLE = """\
[[sync.map]]
name = "api"
host = "pod"
host_path = "/app/apps/api/src"
repo = "../isengard"
local_path = "apps/api/src\""""


@dataclass(frozen=True)
class Map:
    """One projection: a folder of a host ↔ a folder of a repository, by its path from the repository's top.

    kind is code, synced both ways as commits, or artifacts, brought home as files and never committed.
    """

    name: str
    host: str
    host_path: str
    repo: Path
    local_path: str
    branch: str = ""
    kind: str = CODE

    @property
    def home(self) -> Path:
        """The folder here."""
        return self.repo / self.local_path


@dataclass(frozen=True)
class Shared:
    """What one host and one repository have in common: one base, whatever the number of maps."""

    host: str
    repo: Path
    maps: tuple[Map, ...]

    @property
    def name(self) -> str:
        """The repository's name, as refs, files and people have it."""
        return NOT_IN_REF.sub("-", self.repo.name).strip("-") or "repository"

    @property
    def ref(self) -> str:
        """The ref of the base: the commit that both sides last agreed on."""
        return f"refs/dgops/{in_ref(self.host)}/{self.name}"

    @property
    def branch(self) -> str:
        """The branch that the maps name, empty where the checked-out one is meant."""
        return next((one.branch for one in self.maps if one.branch), "")

    @property
    def folders(self) -> tuple[str, ...]:
        """The mapped folders of the repository."""
        return tuple(one.local_path for one in self.maps)


def in_ref(host: str) -> str:
    """Return a host's name as a part of a ref."""
    return NOT_IN_REF.sub("-", host).strip("-") or "host"


def load(settings: Settings) -> tuple[Shared, ...]:
    """Read the maps of code in dgops.toml; raises ConfigError with every mistake, UsageError where there is no map."""
    return _shared([one for one in _load(settings) if one.kind == CODE])


def load_artifacts(settings: Settings) -> tuple[Map, ...]:
    """Read the maps of artifacts in dgops.toml; raises as `load` does."""
    return tuple(one for one in _load(settings) if one.kind == ARTIFACTS)


def there(path: str, maps: Sequence[Map]) -> tuple[str, str]:
    """Return a path of the repository as its mapped folder on the host, and the path below that."""
    one = next(one for one in maps if under(path, (one.local_path,)))
    return one.host_path, path[len(one.local_path) + 1 :]


def _load(settings: Settings) -> list[Map]:
    if not settings.maps:
        raise UsageError("no [[sync.map]] says what is to be synced", f"in dgops.toml:\n{EXAMPLE}")
    problems: list[str] = []
    pairs = [(table, one) for table in settings.maps if (one := _map(table, problems))]
    _find_double(pairs, problems)
    _find_overlap(pairs, problems)
    _find_branches(pairs, problems)
    shared = _shared([one for _, one in pairs])
    problems += [
        f"{one.repo}: two repositories of {one.host} are called {one.name}: one of them needs another folder name"
        for one, other in _pairs(shared)
        if (one.host, one.name) == (other.host, other.name)
    ]
    hosts = {in_ref(one.host): one.host for one in shared}
    problems += [
        f"{one.host} and {hosts[in_ref(one.host)]} are one name to git: one of the hosts needs another name"
        for one in shared
        if hosts[in_ref(one.host)] != one.host
    ]
    if problems:
        raise ConfigError(
            problems, "each [[sync.map]] has name, host, host_path, repo, local_path and maybe branch and kind"
        )
    return [one for _, one in pairs]


def _shared(maps: Sequence[Map]) -> tuple[Shared, ...]:
    keys = dict.fromkeys((one.host, one.repo) for one in maps)
    return tuple(Shared(*key, tuple(one for one in maps if (one.host, one.repo) == key)) for key in keys)


def _map(table: MapTable, problems: list[str]) -> Map | None:
    values = table.values
    before = len(problems)

    def note(key: str, problem: str | None) -> None:
        if problem:
            problems.append(f"{table.where}: {key}: {problem}")

    note("name", None if NAME.fullmatch(values["name"]) else f"{values['name']!r}: letters, digits, _ . and - are fine")
    note("host_path", _host_path_problem(values["host_path"]))
    local = values["local_path"].removeprefix("./").rstrip("/")
    note("local_path", _local_path_problem(local))
    kind = values.get("kind", CODE)
    note("kind", None if kind in (CODE, ARTIFACTS) else f"{kind!r} is neither {CODE} nor {ARTIFACTS}")
    note("branch", "artifacts are never committed" if kind == ARTIFACTS and values.get("branch") else None)
    repo = _repo(table, note)
    if len(problems) > before or not repo:
        return None
    return Map(values["name"], values["host"], values["host_path"], repo, local, values.get("branch", ""), kind)


def _host_path_problem(path: str) -> str | None:
    if is_windows_path(path):
        return advice(path)
    if not path.startswith("/"):
        return f"{path!r} is not an absolute path"
    if posixpath.normpath(path) != path or path in ("/", "//") or refusal(path.lstrip("/")):
        return f"{path!r} is no plain path of a folder: no .., no double or last slash, no .git, not / itself"
    return None


def _local_path_problem(path: str) -> str | None:
    if path.startswith("/") or is_windows_path(path):
        return f"{path!r} starts elsewhere than at the repository's top"
    why = refusal(path)
    return f"{path!r} is no folder of the repository: {why}" if why else None


def _repo(table: MapTable, note: Callable[[str, str | None], None]) -> Path | None:
    text = table.values["repo"]
    if is_windows_path(text):
        translated = windows_to_wsl(text)
        if not translated:
            note("repo", advice(text))
            return None
        text = translated
    folder = (table.file.parent / Path(text).expanduser()).resolve()
    try:
        return open_repository(folder).folder
    except GitError as error:
        note("repo", f"{error.message}: {error.hint}")
        return None


def _pairs(items: Iterable[Shared]) -> list[tuple[Shared, Shared]]:
    listed = list(items)
    return [(one, other) for number, one in enumerate(listed) for other in listed[:number]]


def _find_double(pairs: Sequence[tuple[MapTable, Map]], problems: list[str]) -> None:
    seen: set[tuple[str, str]] = set()
    for table, one in pairs:
        if (one.host, one.name) in seen:
            problems.append(f"{table.where}: name: a second map of {one.host} with this name")
        seen.add((one.host, one.name))


def _find_overlap(pairs: Sequence[tuple[MapTable, Map]], problems: list[str]) -> None:
    for number, (table, one) in enumerate(pairs):
        for _, other in pairs[:number]:
            if one.host != other.host:
                continue
            if _overlap(one.host_path, other.host_path):
                problems.append(f"{table.where}: host_path: {one.host_path} overlaps {other.host_path} of {other.name}")
            if one.repo == other.repo and _overlap(one.local_path, other.local_path):
                problems.append(
                    f"{table.where}: local_path: {one.local_path} overlaps {other.local_path} of {other.name}"
                )


def _overlap(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _find_branches(pairs: Sequence[tuple[MapTable, Map]], problems: list[str]) -> None:
    wanted: dict[tuple[str, Path], str] = {}
    for table, one in pairs:
        first = wanted.setdefault((one.host, one.repo), one.branch) if one.branch else ""
        if first != one.branch:
            problems.append(f"{table.where}: branch: {one.branch}, and {first} for the same host and repository")
