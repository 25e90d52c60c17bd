"""Judge observations against checks, on the controller and without any I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dgops.health import judge_live, judge_spend, judge_watch, judge_wheels
from dgops.health.check import Check, CheckResult, Outcome
from dgops.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Seen = dict[str, Any]
# What a judge returns: whether it holds (None where it does not apply), what was expected, what was observed.
Verdict = tuple["bool | None", str, str]
# What a host says is shown in one line of this length at most: it could forge a table, or fill a terminal.
LONGEST = 300
# Of a commit, and the address that a clone pushes to.
SHORT, READ_ONLY = 10, "read-only"


def judge(check: Check, observation: Mapping[str, Any], mode: str) -> CheckResult:
    """Return the result of one check; a host in fast-test mode is not asked for a GPU."""
    if mode == "fast-test" and judge_live.does_without_gpu(check.type, observation):
        return CheckResult(check, Outcome.SKIP, "a CUDA GPU", "fast-test mode asks for none")
    if "error" in observation:
        return CheckResult(check, Outcome.ERROR, check.name, one_line(observation["error"]))
    try:
        seen = dict(observation["seen"])
        holds, expected, observed = JUDGES[check.type](check.wanted, seen)
        remedy = "" if holds else judge_live.remedy(check.type, seen)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError, IndexError) as error:
        # The host is not trusted: an answer of another shape is no reason to fall over.
        return CheckResult(check, Outcome.ERROR, check.name, f"the host's answer makes no sense: {error!r}"[:LONGEST])
    outcome = Outcome.SKIP if holds is None else Outcome.PASS if holds else Outcome.FAIL
    return CheckResult(check, outcome, expected, one_line(observed), remedy)


def one_line(text: object) -> str:
    """Return what a host said as one line of bearable length."""
    line = " ".join(str(text).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _file(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    if wanted.get("absent"):
        return not seen["exists"], "absent", "present" if seen["exists"] else "absent"
    if not seen["exists"]:
        return False, "a file", "absent"
    if seen["kind"] != "file":
        return False, "a file", f"a {seen['kind']}"
    return _content(wanted, seen) or _same(wanted, seen, ("mode", "owner", "group"))


def _content(wanted: Mapping[str, Any], seen: Seen) -> Verdict | None:
    """Return what is wrong with a file's content, None where nothing is."""
    if seen.get("missing"):
        return False, f"the line {seen['missing'][0]!r}", "that line is missing"
    if "block" in wanted and seen["block"] != "whole":
        return False, f"its {len(wanted['block'])} lines together", f"they are {seen['block']}"
    if "sha256" in wanted and wanted["sha256"] != seen["sha256"]:
        return False, f"content {wanted['sha256'][:12]}", f"content {seen['sha256'][:12]}"
    return None


def _directory(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    if not seen["exists"]:
        return False, "a directory", "absent"
    if seen["kind"] != "directory":
        return False, "a directory", f"a {seen['kind']}"
    return _same(wanted, seen, ("mode", "owner", "group"))


def _link(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    found = seen["target"] if seen.get("kind") == "link" else seen.get("kind", "absent")
    return found == wanted["target"], f"a link to {wanted['target']}", str(found)


def _package(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    count = len(wanted["names"].split())
    missing = seen["missing"]
    return (
        not missing,
        f"{count} packages",
        f"missing: {' '.join(missing)}" if missing else f"{count} packages",
    )


def _user(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    if not seen["exists"]:
        return False, f"a user {wanted['user']}", "absent"
    absent = set(str(wanted.get("groups", "")).split()) - set(seen["groups"].split())
    if absent:
        return False, f"in the groups {wanted['groups']}", f"not in {' '.join(sorted(absent))}"
    return _same(wanted, seen, ("uid", "gid", "shell", "home"))


def _clone(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    commit = str(wanted["commit"])
    expected = f"{wanted['remote']} at {commit[:SHORT]}"
    if not seen["exists"]:
        return False, expected, "no clone is there"
    if seen["remotes"] != [wanted["remote"]]:
        return False, expected, f"its remote is {', '.join(map(str, seen['remotes'])) or 'not set'}"
    if seen["push"] != [READ_ONLY]:
        return False, expected, "its remote can be pushed to"
    branch = f" on branch {seen['branch']}" if seen["branch"] else ""
    if seen["commit"] != commit:
        return False, expected, f"at {str(seen['commit'])[:SHORT] or 'no commit'}{branch}"
    return _same(wanted, seen, ("owner",))[0], expected, f"at {commit[:SHORT]}, {seen['owner']}'s"


def _command(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    code = int(wanted.get("rc", 0))
    lines = seen["stdout"].strip().splitlines() or [""]
    if seen["rc"] != code:
        return False, f"exit {code}", f"exit {seen['rc']}: {lines[-1]}"
    pattern = wanted.get("stdout")
    if pattern and not re.search(pattern, seen["stdout"]):
        return False, f"output like {pattern}", lines[0]
    return True, f"exit {code}", f"exit {code}"


def _git_config(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    found, alone = seen["values"], [] if wanted.get("absent") else [wanted["value"]]
    observed = ", ".join(found) or "not set"
    return found == alone, f"{wanted['key']} = {alone[0]}" if alone else f"{wanted['key']} not set", observed


def _key_pair(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    expected = "a key and its public half" if wanted.get("public") else "a key"
    if not seen["exists"]:
        return False, expected, "absent"
    if not seen["private"]:
        # What a passphrase guards is taken as it is.
        return bool(seen["guarded"]), expected, "a passphrase guards it" if seen["guarded"] else str(seen["said"])
    if not wanted.get("public") or seen["public"] == seen["private"]:
        return True, expected, expected
    return False, expected, "the public half is another key's" if seen["public"] else "no public half"


def _venv(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    expected = "as its wheel has it" if "wheel" in wanted else "as its lock says"
    if not seen["exists"]:
        return False, expected, "no venv of the host's Python is there"
    first, total, count = [str(one) for one in seen["findings"]], int(seen["total"]), int(seen["count"])
    more = f" and {total - 1} more" if total > 1 else ""
    return not total, expected, first[0] + more if total else counted(count, "distribution")


def _program(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    del wanted
    version, wrong = f"version {seen['version']}", str(seen["wrong"])
    return not wrong, f"{version} out of its wheel", wrong or version


def _same(wanted: Mapping[str, Any], seen: Seen, keys: Sequence[str]) -> Verdict:
    """Compare the keys that are asked for, as text: YAML may have read 1100 as a number."""
    asked = [key for key in keys if key in wanted]
    for key in asked:
        # An owner is wanted by name or by number.
        if str(wanted[key]) not in (str(seen[key]), str(seen.get({"owner": "uid", "group": "gid"}.get(key, key)))):
            return False, f"{key} {wanted[key]}", f"{key} {seen[key]}"
    text = ", ".join(f"{key} {seen[key]}" for key in asked) or "there"
    return True, text, text


JUDGES: dict[str, Callable[[Mapping[str, Any], Seen], Verdict]] = {
    "clone": _clone,
    "command": _command,
    "directory": _directory,
    "file": _file,
    "git_config": _git_config,
    "key_pair": _key_pair,
    "link": _link,
    "package": _package,
    "program": _program,
    "user": _user,
    "venv": _venv,
    "wheel": _venv,
    "spend": judge_spend.spend,
    "watch": judge_watch.watch,
    "wheels": judge_wheels.wheels,
    **judge_live.JUDGES,
}
