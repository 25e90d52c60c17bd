"""A recipe: a named YAML that says what to run, with what, and what comes home; every mistake at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dgops.environments import profiles
from dgops.errors import ConfigError, UsageError
from dgops.jobs import names
from dgops.jobs.gpus import Gpus, gpus_from
from dgops.jobs.job import Input, Output, Stall

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from yaml.nodes import Node

KINDS = ("script",)
# Whose keys other rooms know.
PLUGINS = ("train",)
KEYS = ("kind", "command", "inputs", "outputs", "env", "secrets", "gpus", "priority", "stall", "resume", "environment")
HINT = "a recipe:  kind: script, command: [python, train.py], inputs: [train.py], outputs: [results]"
NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LARGEST = 1 << 20
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
    return parse(text_of(path), path)


def kind_of(path: Path) -> str:
    """Return the kind that a recipe names, nothing where it names none; its other mistakes are its kind's to tell."""
    reader = Reader(path, {}, [])
    reader.open(text_of(path))
    node = reader.nodes.get("kind")
    return (scalar(node) if node else None) or ""


def text_of(path: Path) -> str:
    """Return a recipe's text; raises ConfigError where it cannot be one."""
    try:
        if path.stat().st_size > LARGEST:
            raise ConfigError([f"{path}: larger than a recipe can be (1 MB)"], HINT)
        return path.read_bytes().decode()
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror or error}"], HINT) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8: {error}"], HINT) from None


def parse(text: str, path: Path) -> Recipe:
    """Read a recipe's text; path names it in messages, and its folder is what relative paths are relative to."""
    reader = Reader(path, {}, [])
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
        outputs=reader.outputs(),
        env=reader.variables(),
        secrets=reader.secrets(),
        gpus=reader.gpus(),
        resume=reader.command("resume", required=False),
        priority=reader.number("priority", -MOST_PRIORITY, MOST_PRIORITY, 0),
        stall=reader.stall(),
        environment=reader.environment(),
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


@dataclass(frozen=True)
class Reader:
    """Reads the nodes of one file. Scalars are taken as they are written: `010` and `yes` stay what they are."""

    path: Path
    nodes: dict[str, Node]
    problems: list[str]
    keys: tuple[str, ...] = KEYS
    hint: str = HINT

    def open(self, text: str) -> None:
        """Read a file's nodes; raises ConfigError where it is no mapping at all."""
        import yaml

        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
            raise ConfigError([f"{self.path}{line}: not YAML: {error.problem or error.context}"], self.hint) from None
        except (yaml.YAMLError, ValueError) as error:
            raise ConfigError([f"{self.path}: not YAML: {' '.join(str(error).split())}"], self.hint) from None
        except RecursionError:
            raise ConfigError([f"{self.path}: nested too deeply"], self.hint) from None
        if not isinstance(root, yaml.MappingNode):
            known = ", ".join(self.keys)
            raise ConfigError([f"{self.path}: a recipe is a mapping of keys (known: {known})"], self.hint)
        for name, _, value in self.pairs(root, "key"):
            if name not in self.keys:
                self.nodes.setdefault(name, value)
                self.note(name, f"unknown key (known: {', '.join(self.keys)})")
            elif name in self.nodes:
                self.note(name, "given twice")
            else:
                self.nodes[name] = value

    def note(self, key: str, problem: str, node: Node | None = None) -> None:
        """Take note of a mistake."""
        at = node or self.nodes.get(key)
        line = f":{at.start_mark.line + 1}" if at is not None else ""
        self.problems.append(f"{self.path}{line}: {key}: {problem}")

    def text(self, key: str, *, required: bool = False) -> str:
        """Return a text, nothing where there is none."""
        node = self.nodes.get(key)
        if node is None:
            if required:
                self.problems.append(f"{self.path}: {key}: missing")
            return ""
        found = scalar(node)
        if not found:
            self.note(key, "is no text")
        return found or ""

    def words(self, key: str) -> list[str]:
        """Return a list of texts; a single text counts as a list of one."""
        node = self.nodes.get(key)
        if node is None:
            return []
        items = [node] if scalar(node) is not None else _items(node)
        if items is None:
            self.note(key, "is empty" if _blank(node) else "is no list")
            return []
        found = []
        for item in items:
            word = scalar(item)
            if not word:
                self.note(key, "holds something that is no text", item)
            elif "\0" in word:
                self.note(key, "holds a character that no word may", item)
            else:
                found.append(word)
        return found

    def command(self, key: str, *, required: bool) -> tuple[str, ...] | None:
        """Return an argv: a list of words, or a script for the shell."""
        node = self.nodes.get(key)
        if node is None:
            if required:
                self.problems.append(f"{self.path}: {key}: missing")
            return None
        script = scalar(node)
        if script is not None and script.strip() and "\0" not in script:
            return ("sh", "-c", script)
        before = len(self.problems)
        found = self.words(key)
        if not found and len(self.problems) == before:
            self.note(key, "is empty")
        return tuple(found)

    def outputs(self) -> tuple[Output, ...]:
        """Return what comes home."""
        found = []
        for text in self.words("outputs"):
            try:
                found.append(output_of(text, self.path.absolute().parent))
            except ValueError as error:
                self.note("outputs", str(error))
        return tuple(found)

    def variables(self) -> dict[str, str]:
        """Return the environment."""
        import yaml

        node = self.nodes.get("env")
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            self.note("env", "is no mapping of names to values")
            return {}
        found: dict[str, str] = {}
        for name, at, value in self.pairs(node, "env"):
            text = scalar(value)
            if not VARIABLE.fullmatch(name):
                self.note("env", f"{name!r} is no name of a variable", at)
            elif text is None or "\0" in text:
                self.note("env", f"{name} has a value that is no text", value)
            else:
                found[name] = text
        return found

    def secrets(self) -> tuple[str, ...]:
        """Return the names of secrets."""
        found = self.words("secrets")
        for name in found:
            if not VARIABLE.fullmatch(name):
                self.note("secrets", f"{name!r} is no name of a secret (its value never stands in a recipe)")
        return tuple(found)

    def gpus(self) -> Gpus | None:
        """Return how many GPUs, or which."""
        text = self.text("gpus")
        try:
            return gpus_from(text) if text else None
        except ValueError as error:
            self.note("gpus", str(error))
            return None

    def environment(self) -> str:
        """Return the profile that it wants on a machine that is made for it."""
        name = self.text("environment")
        try:
            return profiles.get(name).name if name else ""
        except UsageError as error:
            self.note("environment", f"{error.message}; {error.hint}")
            return ""

    def number(self, key: str, least: int, most: int, default: int) -> int:
        """Return a whole number within its bounds."""
        text = self.text(key)
        if not text:
            return default
        if not NUMBER.fullmatch(text) or not least <= int(text) <= most:
            self.note(key, f"{text!r} is no whole number from {least} to {most}")
            return default
        return int(text)

    def stall(self) -> Stall | None:
        """Read `stall: stop`, or `stall: {times: 50, then: stop}`."""
        import yaml

        node = self.nodes.get("stall")
        if node is None:
            return None
        if not isinstance(node, yaml.MappingNode):
            return replace(Stall(), stop=self._policy(node))
        found = {name: (at, value) for name, at, value in self.pairs(node, "stall")}
        for name in found.keys() - {"times", "then"}:
            self.note("stall", f"unknown key {name} (known: times, then)", found[name][0])
        times = scalar(found["times"][1]) if "times" in found else str(Stall.times)
        if times is None or not NUMBER.fullmatch(times) or not 1 <= int(times) <= MOST_TIMES:
            self.note("stall", f"times is no whole number from 1 to {MOST_TIMES}", found["times"][1])
            return None
        return Stall(int(times), self._policy(found["then"][1]) if "then" in found else False)

    def _policy(self, node: Node) -> bool:
        text = scalar(node)
        if text not in POLICIES:
            self.note("stall", f"{text!r} is neither nothing nor stop", node)
        return POLICIES.get(text or "", False)

    def pairs(self, node: Any, key: str) -> list[tuple[str, Node, Node]]:
        """Return a mapping's names with their nodes and values, in order."""
        found = []
        for name, value in node.value:
            text = scalar(name)
            if text is None:
                self.note(key, "a name that is no text", name)
            else:
                found.append((text, name, value))
        return found


def scalar(node: Node) -> str | None:
    """Return a scalar as it is written, None for anything else and for what was left blank."""
    import yaml

    return str(node.value) if isinstance(node, yaml.ScalarNode) and not _blank(node) else None


def _blank(node: Node) -> bool:
    return str(node.tag) == "tag:yaml.org,2002:null"


def _items(node: Node) -> list[Node] | None:
    import yaml

    return list(node.value) if isinstance(node, yaml.SequenceNode) else None
