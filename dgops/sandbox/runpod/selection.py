"""A GraphQL document as far as the double reads one: one operation, its fields, their arguments and what is in them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(
    r'[\s,]*(?:#[^\n]*\n[\s,]*)*([A-Za-z_]\w*|\$\w+|-?\d+(?:\.\d+)?|"(?:[^"\\]|\\.)*"|[{}()\[\]:!=@]|\.\.\.|$)'
)


class DocumentError(ValueError):
    """The document is not one that could be read; RunPod says so too, in its own words."""


@dataclass(frozen=True)
class Field:
    """One field that was asked for, under the name that its answer shall have."""

    name: str
    key: str
    arguments: dict[str, Any] = field(default_factory=dict)
    fields: tuple[Field, ...] = ()


def read(document: str, variables: dict[str, Any]) -> tuple[str, tuple[Field, ...]]:
    """Return the kind of the operation and its fields, with variables put in; raises DocumentError."""
    reader = _Reader(_tokens(document), variables)
    kind = "query"
    if reader.seen() != "{":
        kind = reader.take()
        if kind not in ("query", "mutation"):
            raise DocumentError(f'Unexpected Name "{kind}"')
        while reader.seen() not in ("{", "("):
            reader.take()
        if reader.seen() == "(":
            reader.declare()
    fields = reader.fields()
    if reader.seen():
        raise DocumentError("one operation is taken at a time")
    return kind, fields


def _tokens(document: str) -> list[str]:
    found: list[str] = []
    at = 0
    while True:
        match = _TOKEN.match(document, at)
        if not match:
            raise DocumentError(f"Unexpected character at {at}")
        if not match[1]:
            return found
        found.append(match[1])
        at = match.end()


class _Reader:
    def __init__(self, tokens: list[str], variables: dict[str, Any]) -> None:
        self._tokens, self._at, self._variables = tokens, 0, variables
        self._declared: set[str] = set()

    def seen(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.seen()
        if not token or (wanted and token != wanted):
            raise DocumentError(f"Expected {wanted or 'more'}, found {token or '<EOF>'}")
        self._at += 1
        return token

    def declare(self) -> None:
        self.take("(")
        while self.seen() != ")":
            name = self.take()
            self.take(":")
            self.take()
            needed = self.seen() == "!"
            if needed:
                self.take()
            if needed and self._variables.get(name[1:]) is None:
                raise DocumentError(f'Variable "{name}" of required type was not provided.')
            self._declared.add(name)
        self.take(")")

    def fields(self) -> tuple[Field, ...]:
        self.take("{")
        found = []
        while self.seen() != "}":
            key = name = self.take()
            if self.seen() == ":":
                self.take()
                name = self.take()
            arguments = {}
            if self.seen() == "(":
                self.take()
                while self.seen() != ")":
                    argument = self.take()
                    self.take(":")
                    arguments[argument] = self.value()
                self.take(")")
            found.append(Field(name, key, arguments, self.fields() if self.seen() == "{" else ()))
        self.take("}")
        return tuple(found)

    def value(self) -> Any:
        token = self.take()
        if token.startswith("$"):
            if token not in self._declared:
                raise DocumentError(f'Variable "{token}" is not defined.')
            return self._variables.get(token[1:])
        if token == "{":
            found: dict[str, Any] = {}
            while self.seen() != "}":
                name = self.take()
                self.take(":")
                found[name] = self.value()
            self.take("}")
            return found
        if token == "[":
            items = []
            while self.seen() != "]":
                items.append(self.value())
            self.take("]")
            return items
        try:
            return json.loads(token)
        except ValueError:
            return token  # the word of an enumeration
