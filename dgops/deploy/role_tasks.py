"""What a task depends on: its texts, the files that it reads, and what its module does."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

from dgops.deploy.jinja_names import Uses, path_of, union, uses_bare, value_uses
from dgops.deploy.jinja_walk import ANY, Read, Walk, element_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BARE = {"when", "changed_when", "failed_when", "until", "break_when"}
BLOCKS = ("block", "rescue", "always")
WORDS = """
action any_errors_fatal args async become become_exe become_flags become_method become_user check_mode collections
connection debugger delay delegate_facts delegate_to diff environment ignore_errors ignore_unreachable listen
local_action loop loop_control module_defaults name no_log notify poll port register remote_user retries run_once
tags throttle timeout vars
"""
# What a task may say beside its module: https://docs.ansible.com/ansible/latest/reference_appendices/playbooks_keywords.html
KEYWORDS = BARE | {*BLOCKS, *WORDS.split()}
FREE_FORM = {"command", "shell", "raw", "script", "include_tasks", "import_tasks", "include_vars", "meta"}
PACKAGES = {"apt", "dnf", "dnf5", "package", "pip", "yum"}
# Modules by which a role depends on what nobody wrote down.
ALWAYS = {
    "gather_facts": "gathers facts",
    "import_role": "runs another role",
    "include_role": "runs another role",
    "include_vars": "reads variables by include_vars",
    "package_facts": "gathers facts",
    "service_facts": "gathers facts",
    "setup": "gathers facts",
    "subversion": "follows a branch of subversion",
    "uri": "asks a server by uri",
}
ELSEWHERE = ("connection", "delegate_to", "local_action", "run_once")


def flat(task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a task and all tasks inside it."""
    yield task
    for key in BLOCKS:
        for inner in task.get(key) or []:
            yield from flat(inner)


def loop_names(tasks: list[dict[str, Any]]) -> set[str]:
    """Return the names that loops give their elements."""
    controls = [task.get("loop_control") or {} for task in tasks]
    named = {one[key] for one in controls for key in ("loop_var", "index_var") if key in one}
    return {"item"} | named


def sets(task: dict[str, Any]) -> Iterator[str]:
    """Yield the names that a task registers or sets."""
    if isinstance(task.get("register"), str):
        yield task["register"]
    module, args = _module(task)
    if module == "set_fact":
        yield from (name for name in args if name != "cacheable")


def answers(handler: dict[str, Any]) -> list[str]:
    """Return the names that a handler is notified by."""
    listen = handler.get("listen", [])
    return [str(handler.get("name", "")), *([listen] if isinstance(listen, str) else listen)]


def _module(task: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the short name of a task's module and its arguments; a free form stands under `_raw`."""
    for key, value in task.items():
        if key in KEYWORDS or key.startswith("with_"):
            continue
        return key.rpartition(".")[2], {**_arguments(key.rpartition(".")[2], value), **(task.get("args") or {})}
    action = task.get("action") or task.get("local_action")
    if isinstance(action, dict):
        return str(action.get("module", "")).rpartition(".")[2], dict(action)
    name, _, rest = str(action or "").partition(" ")
    return name.rpartition(".")[2], _arguments(name.rpartition(".")[2], rest)


def _arguments(module: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return dict(value)
    if not isinstance(value, str):
        return {}
    if module in FREE_FORM:
        return {"_raw": value}
    try:
        parts = shlex.split(value)
    except ValueError:
        parts = []
    return {key: text for key, mark, text in (part.partition("=") for part in parts) if mark}


def task_uses(task: dict[str, Any], scope: Mapping[str, str | None], handlers: set[str]) -> Uses:
    """Return what a task or block depends on."""
    inner: dict[str, str | None] = {**scope, **dict.fromkeys(task.get("vars") or {})}
    module, args = _module(task)
    found = [_key_uses(key, value, inner, module) for key, value in task.items() if key not in BLOCKS]
    found += [task_uses(one, inner, handlers) for key in BLOCKS for one in task.get(key) or []]
    if not any(key in task for key in BLOCKS):
        reads = frozenset(read for one in _scopes(task, inner) for read in _reads(module, args, one))
        found.append(Uses(reads=reads, impure=frozenset(_reasons(task, module, args, handlers))))
    return union(found)


def _key_uses(key: str, value: Any, scope: Mapping[str, str | None], module: str) -> Uses:
    if key in BARE:
        return union(uses_bare(str(one), scope) for one in (value if isinstance(value, list) else [value]))
    short = key.rpartition(".")[2]
    if short == module in ("assert", "debug") and isinstance(value, dict):
        rest = {name: one for name, one in value.items() if name not in ("that", "var")}
        bare = [value.get("var"), *_listed(value.get("that"))]
        return union([value_uses(rest, scope), *(uses_bare(str(one), scope) for one in bare if one is not None)])
    if key.startswith("with_"):
        walk = Walk()
        walk.look_up(
            key[5:].rpartition(".")[2], [path_of(one, scope) for one in _listed(value) if isinstance(one, str)]
        )
        return union([value_uses(value, scope), Uses(reads=frozenset(walk.reads), impure=frozenset(walk.impure))])
    return value_uses(value, scope)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _scopes(task: dict[str, Any], scope: dict[str, str | None]) -> Iterator[dict[str, str | None]]:
    """Yield the scope of each turn of a task's loop, as far as it is written."""
    name = (task.get("loop_control") or {}).get("loop_var", "item")
    over = next((value for key, value in task.items() if key == "loop" or key.startswith("with_")), None)
    if isinstance(over, str):
        globbed = any(key.endswith("with_fileglob") for key in task)
        yield {**scope, name: path_of(over, scope) if globbed else element_of(path_of(over, scope))}
    elif isinstance(over, list):
        for one in over:
            known = {f"{name}.{key}": path_of(text, scope) for key, text in _texts(one).items()}
            yield {**scope, name: path_of(one, scope) if isinstance(one, str) else None, **known}
    else:
        yield scope


def _texts(value: Any) -> dict[str, str]:
    return {key: one for key, one in value.items() if isinstance(one, str)} if isinstance(value, dict) else {}


def _reads(module: str, args: dict[str, Any], scope: Mapping[str, str | None]) -> Iterator[Read]:
    """Yield the files of the controller that a module's arguments name."""
    remote = args.get("remote_src", module == "assemble")
    path: Any = None
    if module in ("copy", "template", "unarchive", "assemble", "patch") and remote in (False, "false", "no", None):
        path = args.get("src")
    elif module == "script":
        path = args.get("cmd", str(args.get("_raw", "")).split(" ")[0])
    if isinstance(path, str) and path and not re.match(r"\w+://", path):
        yield Read(path_of(path, scope), module == "template")
    elif module == "copy" and path is not None and not isinstance(path, str):
        yield Read(ANY)


def _reasons(task: dict[str, Any], module: str, args: dict[str, Any], handlers: set[str]) -> Iterator[str]:
    """Yield why what a task does depends on more than what is written."""
    if module in ALWAYS:
        yield ALWAYS[module]
    state = str(args.get("state", ""))
    if "latest" in state:
        yield f"{module} with state: latest"
    elif module in PACKAGES and "{{" in state:
        yield f"{module} with a state that only the run knows"
    if module == "apt" and args.get("upgrade", "no") not in (False, "no", "false"):
        yield "apt with upgrade"
    if module == "git" and not re.fullmatch(r"[0-9a-f]{40}", str(args.get("version", ""))):
        yield "git with a version that is no full commit hash"
    if module == "get_url" and not re.match(r"\w+:(?!\w+://)", str(args.get("checksum", ""))):
        yield "get_url without a checksum"
    if module == "unarchive" and re.match(r"\w+://", str(args.get("src", ""))):
        yield "unarchive fetches without a checksum"
    for key in ELSEWHERE:
        if task.get(key):
            yield f"works elsewhere: {key}"
    for name in _listed(task.get("notify")):
        if name not in handlers:
            yield f"notifies {name}, which is not among its handlers"
