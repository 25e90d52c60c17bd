"""What a Jinja text depends on: the variables, the look-ups and the changing things that it names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgops.deploy.jinja_walk import ANY, Read, Walk, dotted, kind_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Uses:
    """What a text depends on.

    `names` are dotted paths below free variables; `alias` is the one path that the text consists of, else empty.
    """

    names: frozenset[str] = frozenset()
    reads: frozenset[Read] = frozenset()
    impure: frozenset[str] = frozenset()
    alias: str = ""


def union(parts: Iterable[Uses]) -> Uses:
    """Return what all the texts together depend on."""
    found = list(parts)
    return Uses(
        frozenset().union(*(one.names for one in found)),
        frozenset().union(*(one.reads for one in found)),
        frozenset().union(*(one.impure for one in found)),
    )


def uses(text: str, scope: Mapping[str, str | None] | None = None) -> Uses:
    """Return what a template depends on; `scope` holds the local names around it."""
    if "{" not in text:
        return Uses()
    tree = _parse(text)
    if isinstance(tree, Uses):
        return tree
    walk = Walk()
    walk.visit(tree, dict(scope or {}))
    return Uses(frozenset(walk.names), frozenset(walk.reads), frozenset(walk.impure), _alias(tree, scope or {}))


def uses_bare(text: str, scope: Mapping[str, str | None] | None = None) -> Uses:
    """Return what a bare expression such as the one of `when` depends on."""
    return uses(text if "{{" in text or "{%" in text else f"{{{{ {text} }}}}", scope)


def value_uses(value: Any, scope: Mapping[str, str | None] | None = None) -> Uses:
    """Return what a value depends on, with all texts inside it."""
    if isinstance(value, str):
        return uses(value, scope)
    if isinstance(value, dict):
        return union(value_uses(one, scope) for pair in value.items() for one in pair)
    if isinstance(value, (list, tuple)):
        return union(value_uses(one, scope) for one in value)
    return Uses()


def path_of(text: str, scope: Mapping[str, str | None] | None = None) -> str:
    """Return the path that a template gives, with marks for what only the run knows."""
    tree = _parse(text)
    return ANY if isinstance(tree, Uses) else text_of(tree, dict(scope or {})).strip()


def _parse(text: str) -> Any:
    import jinja2

    try:
        return jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"]).parse(text)
    except jinja2.TemplateSyntaxError as error:
        return Uses(impure=frozenset({f"no Jinja that can be read: {error.message}"}))


def _alias(tree: Any, scope: Mapping[str, str | None]) -> str:
    if len(tree.body) != 1 or kind_of(tree.body[0]) != "Output" or len(tree.body[0].nodes) != 1:
        return ""
    path = dotted(tree.body[0].nodes[0])
    return "" if path.partition(".")[0] in scope else path
