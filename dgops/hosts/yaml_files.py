"""Where something stands in an inventory's YAML files: for messages that name file and line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from yaml.nodes import Node

SUFFIXES = (".yml", ".yaml")


def syntax_problems(file: Path) -> list[str]:
    """Return what YAML finds wrong in a file, with the line."""
    import yaml

    try:
        yaml.compose(file.read_text())
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        return [f"{file}{line}: not YAML: {error.problem or error.context}"]
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return [f"{file}: not YAML: {error}"]
    return []


def is_empty(file: Path) -> bool:
    """Return whether a YAML file holds nothing but comments."""
    import yaml

    if file.suffix not in SUFFIXES:
        return False
    node = yaml.compose(file.read_text())
    return node is None or (isinstance(node, yaml.ScalarNode) and not node.value)


def where(folder: Path, host: str, groups: Sequence[str], key: str) -> str:
    """Return `file:line` of the place that sets a host's variable, else the inventory folder."""
    root = folder if folder.is_dir() else folder.parent
    found = [
        (rank, f"{file}:{line}")
        for file in sorted(root.rglob("*"))
        if file.suffix in SUFFIXES and file.is_file()
        for path, line in _keys(file)
        if path[-1] == key and (rank := _rank(file.relative_to(root), path, host, groups))
    ]
    return min(found)[1] if found else str(folder)


def _rank(file: Path, path: tuple[str, ...], host: str, groups: Sequence[str]) -> int:
    """Return how strong a place is for a host, 1 the strongest as Ansible has it; 0 where it is another's."""
    owner = file.parts[1].split(".")[0] if len(file.parts) > 1 else ""
    if file.parts[0] == "host_vars":
        return 1 if owner == host and len(path) == 1 else 0
    if file.parts[0] == "group_vars":
        return 3 if owner in groups and len(path) == 1 else 0
    if path[-3:-1] == ("hosts", host):
        return 2
    return 4 if len(path) > 2 and path[-2] == "vars" and path[-3] in groups else 0


def _keys(file: Path) -> Iterator[tuple[tuple[str, ...], int]]:
    import yaml

    node = yaml.compose(file.read_text())
    yield from _walk(node, ()) if node else ()


def _walk(node: Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    import yaml

    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            yield here, key.start_mark.line + 1
            yield from _walk(value, here)
