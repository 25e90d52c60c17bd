"""TOML as trainers read it: strings, numbers, booleans, lists of them, tables, lists of tables."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError

if TYPE_CHECKING:
    from collections.abc import Mapping


def render(document: Mapping[str, Any], head: str = "") -> str:
    """Return a document: what is no table comes first, then tables, then lists of tables, whatever their depth."""
    comment = ["# " + "".join(one if one.isprintable() else "?" for one in line) for line in head.splitlines()]
    return "\n".join([*comment, *_table("", document)]).strip("\n") + "\n"


def _table(path: str, table: Mapping[str, Any]) -> list[str]:
    plain = {key: value for key, value in table.items() if not _is_nested(value)}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for key, value in table.items():
        name = f"{path}.{_key(key)}" if path else _key(key)
        if isinstance(value, dict):
            lines += ["", f"[{name}]", *_table(name, value)]
        elif _is_nested(value):
            for one in value:
                lines += ["", f"[[{name}]]", *_table(name, one)]
    return lines


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, str):
        # JSON's strings are TOML's, but for the one control character that JSON leaves as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        raise DgopsError(f"{value} has no place in a configuration")
    return json.dumps(value)
