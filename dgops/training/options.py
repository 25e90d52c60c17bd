"""What a trainer's command line takes: tables read from its own parsers, and an argv looked at against them."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TABLES = Path(__file__).parent / "tables"
INT = re.compile(r"[+-]?[0-9]{1,18}")
FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,3})?", re.IGNORECASE)
FLAG = {"true": True, "yes": True, "on": True, "": True, "false": False, "no": False, "off": False}


@dataclass(frozen=True)
class Option:
    """One option: its type (flag, str, int, float, number), how many values it takes, and which."""

    name: str
    type: str
    nargs: str = ""
    choices: tuple[str, ...] = ()
    required: bool = False

    def complaint(self, values: Sequence[str]) -> str:
        """Return what is wrong with its values, nothing where they will do."""
        if self.type == "flag":
            return "takes no value" if values else ""
        if not self.nargs and len(values) != 1:
            return f"takes one value, not {len(values)}"
        for value in values:
            if self.choices and value not in self.choices:
                return f"{value!r} is none of {', '.join(self.choices)}"
            if not _is(self.type, value):
                return f"{value!r} is no {self.type}"
        return ""


@dataclass(frozen=True)
class Parser:
    """The command line of one script of one release."""

    script: str
    options: Mapping[str, Option]

    def complaints(self, argv: Sequence[str]) -> list[str]:
        """Return everything that the script's parser would refuse; argv begins behind the script.

        Abbreviations, which it would take, are refused as well: the next release may make them ambiguous.
        """
        found, given = [], set()
        for name, values in _groups(argv):
            option = self.options.get(name)
            given.add(name)
            if option is None:
                found.append(f"{name or values[0]}: {self.unknown(name)}")
            elif wrong := option.complaint(values):
                found.append(f"{name}: {wrong}")
        missing = [one.name for one in self.options.values() if one.required and one.name not in given]
        return found + [f"{name}: missing" for name in missing]

    def words(self, key: str, value: str) -> list[str]:
        """Return what a recipe's `key: value` is on the command line; raises ValueError with what is wrong."""
        name = f"--{key}"
        option = self.options.get(name)
        if option is None:
            raise ValueError(self.unknown(name))
        if option.type == "flag":
            if value.lower() not in FLAG:
                raise ValueError(f"{value!r} is neither true nor false")
            return [name] if FLAG[value.lower()] else []
        values = shlex.split(value) if option.nargs else [value]
        wrong = option.complaint(values) or next((f"{one!r} begins with --" for one in values if one[:2] == "--"), "")
        if wrong:
            raise ValueError(wrong)
        return [name, *values]

    def unknown(self, name: str) -> str:
        """Return the sentence for an option that there is not, with the nearest that there are."""
        near = difflib.get_close_matches(name, self.options, 2, 0.75)
        return f"no option of {self.script}" + (f" (did you mean {' or '.join(near)}?)" if near else "")


@lru_cache
def parser(table: str, script: str) -> Parser:
    """Return the parser of a script; table is TRAINER-RELEASE."""
    found = read(table)["scripts"][script]
    return Parser(
        script,
        {
            name: Option(
                name,
                one["type"],
                one.get("nargs", ""),
                tuple(filter(None, one.get("choices", ()))),
                one.get("required", False),
            )
            for name, one in found.items()
        },
    )


@lru_cache
def read(table: str) -> Any:
    """Return a table as it is kept: trainer, release, commit, date, scripts."""
    return json.loads((TABLES / f"{table}.json").read_text())


def _groups(argv: Sequence[str]) -> list[tuple[str, list[str]]]:
    groups: list[tuple[str, list[str]]] = []
    for word in argv:
        # A negative number is a value, as it is to argparse where no option looks like one.
        if word.startswith("-") and not FLOAT.fullmatch(word):
            name, equals, value = word.partition("=")
            groups.append((name, [value] if equals else []))
        elif groups:
            groups[-1][1].append(word)
        else:
            groups.append(("", [word]))
    return groups


def _is(kind: str, value: str) -> bool:
    if kind == "int":
        return INT.fullmatch(value) is not None
    return kind == "str" or FLOAT.fullmatch(value) is not None
