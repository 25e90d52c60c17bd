"""Reads the YAML of a recipe, whatever its kind: each mistake with its file, line and key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from yaml.nodes import Node

NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LARGEST = 1 << 20


def text_of(path: Path, hint: str = "") -> str:
    """Return a recipe's text; raises ConfigError where it cannot be one."""
    try:
        if path.stat().st_size > LARGEST:
            raise ConfigError([f"{path}: larger than a recipe can be (1 MB)"], hint)
        return path.read_bytes().decode()
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror or error}"], hint) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8: {error}"], hint) from None


@dataclass(frozen=True)
class Reader:
    """Reads the nodes of one file. Scalars are taken as they are written: `010` and `yes` stay what they are."""

    path: Path
    nodes: dict[str, Node]
    problems: list[str]
    keys: tuple[str, ...]
    hint: str

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

    def number(self, key: str, least: int, most: int, default: int) -> int:
        """Return a whole number within its bounds."""
        text = self.text(key)
        if not text:
            return default
        if not NUMBER.fullmatch(text) or not least <= int(text) <= most:
            self.note(key, f"{text!r} is no whole number from {least} to {most}")
            return default
        return int(text)

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
