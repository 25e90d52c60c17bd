"""One pass over a Jinja syntax tree: which names are free, which files it reads, what in it changes by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    # A local name, to the path that it stands for where that is known, else None.
    Scope = dict[str, "str | None"]

# A path is kept as text in which these marks set off what only the run knows.
EXPRESSION = "\x00"  # around an expression
ANY = "\x01"  # something of a loop
ELEMENT = "\x02"  # around an expression: an element of the list that it gives

NO_VARIABLES = {"range", "dict", "namespace", "cycler", "joiner", "undef", "lookup", "query", "q", "now", "lipsum"}
FILE_LOOKUPS = {"file", "fileglob", "template"}
# They read nothing but what they are given.
VALUE_LOOKUPS = {"dict", "indexed_items", "items", "list", "nested", "sequence", "subelements", "together"}
# To how many arguments, or which name, makes a filter's answer the same each time.
RANDOM_FILTERS = {
    "random": (99, "seed"),
    "random_mac": (1, "seed"),
    "shuffle": (99, "seed"),
    "password_hash": (2, "salt"),
    "vault": (2, "salt"),
    "strftime": (1, "second"),
}
# They look at the controller's files or environment.
LOOKING_FILTERS = {"expanduser", "expandvars", "realpath", "unvault"}
LOOKING_TESTS = {"directory", "exists", "file", "is_dir", "is_file", "is_link", "is_mount", "is_same_file", "link"}
LOOKING_TESTS |= {"link_exists", "is_link_exists", "mount", "same_file"}
MAPPERS = {"map": RANDOM_FILTERS.keys() | LOOKING_FILTERS, "select": LOOKING_TESTS, "reject": LOOKING_TESTS}


@dataclass(frozen=True)
class Read:
    """A file of the controller that is read: its path with marks in it, rendered as a template or taken as it is."""

    path: str
    template: bool = False


def element_of(path: str) -> str:
    """Return the path of an element, where `path` gives a list."""
    inner = path[1:-1]
    alone = path[:1] == EXPRESSION == path[-1:] and EXPRESSION not in inner
    return f"{ELEMENT}{inner}{ELEMENT}" if alone else ANY


def kind_of(node: Any) -> str:
    """Return the name of a node's class, so that Jinja need not be imported to compare it."""
    return type(node).__name__


def dotted(node: Any) -> str:
    """Return the dotted path that a node is, empty where it is something else."""
    if kind_of(node) == "Name":
        return str(node.name)
    if kind_of(node) == "Getattr":
        step = node.attr
    elif kind_of(node) == "Getitem" and kind_of(node.arg) == "Const" and isinstance(node.arg.value, str):
        step = node.arg.value
    else:
        return ""
    before = dotted(node.node)
    return f"{before}.{step}" if before else ""


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def text_of(node: Any, scope: Scope) -> str:
    """Return the text that a node gives, with marks for what only the run knows."""
    kind = kind_of(node)
    if kind == "Const":
        return str(node.value)
    if kind == "TemplateData":
        return str(node.data)
    if kind in ("Template", "Output", "Concat"):
        return "".join(text_of(one, scope) for one in (node.body if kind == "Template" else node.nodes))
    if kind == "Add":
        return text_of(node.left, scope) + text_of(node.right, scope)
    return _unknown(node, scope)


def _unknown(node: Any, scope: Scope) -> str:
    path = dotted(node)
    if path in scope:
        return scope[path] or ANY
    local = any(one.name in scope for one in _names(node))
    return ANY if local else f"{EXPRESSION}{path or repr(node)}{EXPRESSION}"


def _names(node: Any) -> list[Any]:
    import jinja2.nodes

    return [node] if kind_of(node) == "Name" else list(node.find_all(jinja2.nodes.Name))


def _static(node: Any) -> bool | None:
    """Return what a condition is in a run that is no check, None where only the run knows."""
    kind = kind_of(node)
    if kind == "Name" and node.name == "ansible_check_mode":
        return False
    if kind == "Not":
        inner = _static(node.node)
        return None if inner is None else not inner
    if kind in ("And", "Or"):
        sides = {_static(node.left), _static(node.right)}
        end = kind == "Or"
        return end if end in sides else None if None in sides else not end
    return None


class Walk:
    """One pass over a syntax tree; gathers what is used, and knows which names are local."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.reads: set[Read] = set()
        self.impure: set[str] = set()

    def visit(self, node: Any, scope: Scope) -> None:
        """Gather from a node; a `set` in it is entered into the scope."""
        known: Callable[[Any, Scope], None] | None = getattr(self, f"_{kind_of(node).lower()}", None)
        if known:
            known(node, scope)
        else:
            self._children(node, scope)

    def _children(self, node: Any, scope: Scope) -> None:
        for child in node.iter_child_nodes():
            self.visit(child, scope)

    def _all(self, nodes: Iterable[Any], scope: Scope) -> None:
        for node in nodes:
            self.visit(node, scope)

    def _name(self, node: Any, scope: Scope) -> None:
        if node.name not in scope and node.name not in NO_VARIABLES:
            self.names.add(node.name)

    def _getattr(self, node: Any, scope: Scope) -> None:
        path = dotted(node)
        if not path:
            self._children(node, scope)
        elif path.partition(".")[0] not in scope:
            self.names.add(path)

    _getitem = _getattr

    def _call(self, node: Any, scope: Scope) -> None:
        name = node.node.name if kind_of(node.node) == "Name" and node.node.name not in scope else ""
        if name in ("lookup", "query", "q"):
            self._lookup(node, scope)
        elif name in ("now", "lipsum"):
            self.impure.add(f"uses {name}()")
        elif kind_of(node.node) == "Getattr":
            # A method: what it is asked of counts, not the method's name.
            self.visit(node.node.node, scope)
        else:
            self.visit(node.node, scope)
        self._all([*node.args, *node.kwargs, *filter(None, (node.dyn_args, node.dyn_kwargs))], scope)

    def _lookup(self, node: Any, scope: Scope) -> None:
        plugin = node.args[0].value if node.args and kind_of(node.args[0]) == "Const" else None
        terms = [text_of(one, scope) for one in node.args[1:]]
        if node.dyn_args is not None:
            terms.append(element_of(text_of(node.dyn_args, scope)))
        self.look_up(_short(str(plugin)) if plugin else "", terms)

    def look_up(self, plugin: str, terms: Iterable[str]) -> None:
        """Gather from a look-up whose terms are paths."""
        if plugin in FILE_LOOKUPS:
            self.reads |= {Read(one, plugin == "template") for one in terms}
        elif not plugin:
            self.impure.add("a look-up whose name only the run knows")
        elif plugin not in VALUE_LOOKUPS:
            self.impure.add(f"look-up {plugin} changes")

    def _filter(self, node: Any, scope: Scope) -> None:
        name = _short(node.name)
        enough, keyword = RANDOM_FILTERS.get(name, (0, ""))
        if name in RANDOM_FILTERS and len(node.args) < enough and keyword not in {one.key for one in node.kwargs}:
            self.impure.add(f"uses the filter {name}")
        if name in LOOKING_FILTERS:
            self.impure.add(f"uses the filter {name}, which looks at the controller")
        for one in node.args[:1]:
            if kind_of(one) == "Const" and _short(str(one.value)) in MAPPERS.get(name, ()):
                self.impure.add(f"uses {name} with {_short(str(one.value))}")
        static = _static(node.node) if name == "ternary" and len(node.args) == 2 and node.node else None
        if static is not None:
            self.visit(node.args[0 if static else 1], scope)
        else:
            self._children(node, scope)

    def _test(self, node: Any, scope: Scope) -> None:
        if _short(node.name) in LOOKING_TESTS:
            self.impure.add(f"uses the test {_short(node.name)}, which looks at the controller")
        self._children(node, scope)

    def _and(self, node: Any, scope: Scope) -> None:
        end = kind_of(node) == "Or"
        for side in (node.left, node.right):
            if _static(side) is end:
                return
        self._children(node, scope)

    _or = _and

    def _condexpr(self, node: Any, scope: Scope) -> None:
        static = _static(node.test)
        if static is None:
            self.visit(node.test, scope)
        if static is not False:
            self.visit(node.expr1, scope)
        if static is not True and node.expr2 is not None:
            self.visit(node.expr2, scope)

    def _if(self, node: Any, scope: Scope) -> None:
        # What is set in one branch only may be a variable after it, so that it stays local to the branch.
        static = _static(node.test)
        if static is None:
            self.visit(node.test, scope)
        if static is not False:
            self._all(node.body, dict(scope))
        if static is not True:
            for one in node.elif_:
                self.visit(one, dict(scope))
            self._all(node.else_, dict(scope))

    def _for(self, node: Any, scope: Scope) -> None:
        self.visit(node.iter, scope)
        inner: Scope = {**scope, "loop": None}
        _bind(inner, node.target, element_of(text_of(node.iter, scope)))
        self._all([*filter(None, [node.test]), *node.body], inner)
        self._all(node.else_, dict(scope))

    def _assign(self, node: Any, scope: Scope) -> None:
        self.visit(node.node, scope)
        _bind(scope, node.target, text_of(node.node, scope))

    def _assignblock(self, node: Any, scope: Scope) -> None:
        self._all([*filter(None, [node.filter]), *node.body], dict(scope))
        _bind(scope, node.target, None)

    def _macro(self, node: Any, scope: Scope) -> None:
        if kind_of(node) == "Macro":
            scope[node.name] = None
        else:
            self.visit(node.call, scope)
        self._all(node.defaults, scope)
        inner: Scope = {**scope, "caller": None, "varargs": None, "kwargs": None}
        for one in node.args:
            _bind(inner, one, None)
        self._all(node.body, inner)

    _callblock = _macro

    def _with(self, node: Any, scope: Scope) -> None:
        self._all(node.values, scope)
        inner = dict(scope)
        for target, value in zip(node.targets, node.values, strict=True):
            _bind(inner, target, text_of(value, scope))
        self._all(node.body, inner)

    def _filterblock(self, node: Any, scope: Scope) -> None:
        self._all([node.filter, *node.body], dict(scope))

    def _include(self, node: Any, scope: Scope) -> None:
        self.visit(node.template, scope)
        self.reads.add(Read(text_of(node.template, scope), template=True))
        for name in [getattr(node, "target", None), *getattr(node, "names", [])]:
            if name:
                scope[name if isinstance(name, str) else name[1]] = None

    _import = _fromimport = _extends = _include


def _bind(scope: Scope, target: Any, path: str | None) -> None:
    """Enter the names that a statement binds; only one that is bound alone has a known path."""
    if kind_of(target) == "Name":
        scope[target.name] = path
        return
    for one in _names(target) if kind_of(target) != "NSRef" else ():
        scope[one.name] = None
