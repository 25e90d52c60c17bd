"""A recipe: a named YAML that says what to run, with what, and what comes home; every mistake at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dgops.environments import profiles
from dgops.errors import ConfigError, UsageError
from dgops.jobs import names
from dgops.jobs.gpus import Gpus, gpus_from
from dgops.jobs.job import Input, Output, Stall
from dgops.jobs.reader import NUMBER, VARIABLE, Reader, scalar, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from yaml.nodes import Node

KINDS = ("script",)
# Whose keys other rooms know.
PLUGINS = ("train",)
KEYS = ("kind", "command", "inputs", "outputs", "env", "secrets", "gpus", "priority", "stall", "resume", "environment")
HINT = "a recipe:  kind: script, command: [python, train.py], inputs: [train.py], outputs: [results]"
MOST_PRIORITY = 1000
MOST_TIMES = 100_000
POLICIES = {"nothing": False, "stop": True}


@dataclass(frozen=True)
class Recipe:
    """What a recipe says; its paths are made absolute against the recipe's folder."""

    name: str
    kind: str
    argv: tuple[str, ...]
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    gpus: Gpus | None = None
    resume: tuple[str, ...] | None = None
    priority: int = 0
    stall: Stall | None = None
    environment: str = ""


def load(path: Path) -> Recipe:
    """Read a recipe; raises ConfigError with every mistake, each with file, line and key."""
    return parse(text_of(path, HINT), path)


def kind_of(path: Path) -> str:
    """Return the kind that a recipe names, nothing where it names none; its other mistakes are its kind's to tell."""
    reader = Reader(path, {}, [], KEYS, HINT)
    reader.open(text_of(path, HINT))
    node = reader.nodes.get("kind")
    return (scalar(node) if node else None) or ""


def parse(text: str, path: Path) -> Recipe:
    """Read a recipe's text; path names it in messages, and its folder is what relative paths are relative to."""
    reader = Reader(path, {}, [], KEYS, HINT)
    folder = path.absolute().parent
    reader.open(text)
    kind = reader.text("kind", required=True)
    if kind in PLUGINS:
        raise ConfigError([f"{path}: kind: {kind} is run by its own command"], f"dgops run {kind} {path} --host HOST")
    if kind and kind not in KINDS:
        reader.note("kind", f"{kind!r} is no kind of recipe (known: {', '.join((*KINDS, *PLUGINS))})")
    recipe = Recipe(
        name=path.stem,
        kind=kind,
        argv=reader.command("command", required=True) or (),
        inputs=tuple(input_of(one, folder) for one in reader.words("inputs")),
        outputs=_outputs(reader),
        env=reader.variables(),
        secrets=_secrets(reader),
        gpus=_gpus(reader),
        resume=reader.command("resume", required=False),
        priority=reader.number("priority", -MOST_PRIORITY, MOST_PRIORITY, 0),
        stall=_stall(reader),
        environment=_environment(reader),
    )
    if reader.problems:
        raise ConfigError(reader.problems, HINT)
    return recipe


def input_of(text: str, folder: Path) -> Input:
    """Return the input that a person named: a relative path keeps its name, of others the last part is kept."""
    parts = [part for part in text.split("/") if part not in ("", ".")]
    local = folder / text
    plain = not text.startswith("/") and ".." not in parts and bool(parts)
    # Two dots and a dot alone say where, not what it is called.
    return Input(local, "/".join(parts) if plain else local.resolve().name)


def output_of(text: str, folder: Path) -> Output:
    """Return the output that a person named; raises ValueError with a sentence where it leads out."""
    plain = "/".join(part for part in text.split("/") if part not in ("", "."))
    wrong = "is absolute" if text.startswith("/") else names.complaint(plain)
    if wrong:
        raise ValueError(f"{text!r} {wrong}; an output is a relative path below the job's work folder")
    return Output(plain, folder / plain)


def _outputs(reader: Reader) -> tuple[Output, ...]:
    found = []
    for text in reader.words("outputs"):
        try:
            found.append(output_of(text, reader.path.absolute().parent))
        except ValueError as error:
            reader.note("outputs", str(error))
    return tuple(found)


def _secrets(reader: Reader) -> tuple[str, ...]:
    found = reader.words("secrets")
    for name in found:
        if not VARIABLE.fullmatch(name):
            reader.note("secrets", f"{name!r} is no name of a secret (its value never stands in a recipe)")
    return tuple(found)


def _gpus(reader: Reader) -> Gpus | None:
    text = reader.text("gpus")
    try:
        return gpus_from(text) if text else None
    except ValueError as error:
        reader.note("gpus", str(error))
        return None


def _environment(reader: Reader) -> str:
    """Return the profile that it wants on a machine that is made for it."""
    name = reader.text("environment")
    try:
        return profiles.get(name).name if name else ""
    except UsageError as error:
        reader.note("environment", f"{error.message}; {error.hint}")
        return ""


def _stall(reader: Reader) -> Stall | None:
    """Read `stall: stop`, or `stall: {times: 50, then: stop}`."""
    import yaml

    node = reader.nodes.get("stall")
    if node is None:
        return None
    if not isinstance(node, yaml.MappingNode):
        return replace(Stall(), stop=_policy(reader, node))
    found = {name: (at, value) for name, at, value in reader.pairs(node, "stall")}
    for name in found.keys() - {"times", "then"}:
        reader.note("stall", f"unknown key {name} (known: times, then)", found[name][0])
    times = scalar(found["times"][1]) if "times" in found else str(Stall.times)
    if times is None or not NUMBER.fullmatch(times) or not 1 <= int(times) <= MOST_TIMES:
        reader.note("stall", f"times is no whole number from 1 to {MOST_TIMES}", found["times"][1])
        return None
    return Stall(int(times), _policy(reader, found["then"][1]) if "then" in found else False)


def _policy(reader: Reader, node: Node) -> bool:
    text = scalar(node)
    if text not in POLICIES:
        reader.note("stall", f"{text!r} is neither nothing nor stop", node)
    return POLICIES.get(text or "", False)
