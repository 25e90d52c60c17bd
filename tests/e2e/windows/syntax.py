"""The syntax tree of a PowerShell script as the evaluator reads it, and how PowerShell sees values."""

from dataclasses import dataclass

import tree_sitter_powershell
from tree_sitter import Language, Parser

PARSER = Parser(Language(tree_sitter_powershell.language()))


class UnknownError(Exception):
    """The script uses something that this evaluator does not know."""


class ExitError(Exception):
    """The script said exit."""


class ReturnError(Exception):
    """A function said return."""


@dataclass(frozen=True)
class Type:
    """A .NET type that is named."""

    name: str


@dataclass(frozen=True)
class Found:
    """What Resolve-Path answers."""

    providerpath: str


def parse(source):
    """Return the syntax tree of a script; raises UnknownError where the grammar finds an error."""
    root = PARSER.parse(source.encode()).root_node
    if root.has_error:
        raise UnknownError("the grammar does not accept the script")
    return root


def inner(node):
    """Return the node below those that only wrap one other; a string's quotes are no nodes, and it wraps nothing."""
    while node.child_count == 1 and node.children[0].is_named and node.type != "expandable_string_literal":
        node = node.children[0]
    return node


def parts(node):
    """Return a node's children that mean something."""
    return [
        child for child in node.children if child.type not in ("comment", "command_argument_sep", "empty_statement")
    ]


def words(node):
    return [child.type for child in node.children if not child.is_named]


def truth(value):
    if isinstance(value, list):
        return truth(value[0]) if len(value) == 1 else bool(value)
    return bool(value)


def text(value):
    if value is None:
        return ""
    return " ".join(text(one) for one in value) if isinstance(value, list) else str(value)


def listed(value):
    return value if isinstance(value, list) else [] if value is None else [value]


def scalar(items):
    return None if not items else items[0] if len(items) == 1 else items


def parameters(node):
    """Yield the parameters of a script's or function's head."""
    for child in node.children:
        if child.type == "script_parameter":
            yield child
        elif child.type in ("parameter_list", "function_parameter_declaration"):
            yield from parameters(child)


def refuse(options):
    if options:
        raise UnknownError(f"parameters: {options}")
    return []
