"""Judge observations against checks, on the controller and without any I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dgops.health.check import Check, CheckResult, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Seen = dict[str, Any]
# What a judge returns: whether it holds, what was expected, what was observed.
Verdict = tuple[bool, str, str]
GIGA = 1024**3
# What a host says is shown in one line of this length at most: it could forge a table, or fill a terminal.
LONGEST = 300


def judge(check: Check, observation: Mapping[str, Any], mode: str) -> CheckResult:
    """Return the result of one check; a host in fast-test mode is not asked for a GPU."""
    if check.type in ("gpu", "torch") and mode == "fast-test" and not _has_gpu(observation):
        return CheckResult(check, Outcome.SKIP, "a CUDA GPU", "fast-test mode asks for none")
    if "error" in observation:
        return CheckResult(check, Outcome.ERROR, check.name, one_line(observation["error"]))
    try:
        holds, expected, observed = JUDGES[check.type](check.wanted, dict(observation["seen"]))
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        # The host is not trusted: an answer of another shape is no reason to fall over.
        return CheckResult(check, Outcome.ERROR, check.name, f"the host's answer makes no sense: {error!r}"[:LONGEST])
    return CheckResult(check, Outcome.PASS if holds else Outcome.FAIL, expected, one_line(observed))


def one_line(text: object) -> str:
    """Return what a host said as one line of bearable length."""
    line = " ".join(str(text).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _has_gpu(observation: Mapping[str, Any]) -> bool:
    seen = observation.get("seen")
    return isinstance(seen, dict) and bool(seen.get("gpus"))


def _file(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    if wanted.get("absent"):
        return not seen["exists"], "absent", "present" if seen["exists"] else "absent"
    if not seen["exists"]:
        return False, "a file", "absent"
    if seen["kind"] != "file":
        return False, "a file", f"a {seen['kind']}"
    if seen.get("missing"):
        return False, f"the line {seen['missing'][0]!r}", "that line is missing"
    if "sha256" in wanted and wanted["sha256"] != seen["sha256"]:
        return False, f"content {wanted['sha256'][:12]}", f"content {seen['sha256'][:12]}"
    return _same(wanted, seen, ("mode", "owner", "group"))


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
    found = seen["values"]
    return wanted["value"] in found, f"{wanted['key']} = {wanted['value']}", ", ".join(found) or "not set"


def _venv(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    expected = "as its wheel says" if "wheel" in wanted else "as its lock says"
    if not seen["exists"]:
        return False, expected, "no venv of the host's Python is there"
    first, total, count = [str(one) for one in seen["findings"]], int(seen["total"]), int(seen["count"])
    more = f" and {total - 1} more" if total > 1 else ""
    return not total, expected, first[0] + more if total else f"{count} distribution{'' if count == 1 else 's'}"


def _program(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    del wanted
    version, wrong = f"version {seen['version']}", str(seen["wrong"])
    return not wrong, f"{version} out of its wheel", wrong or version


def _disk(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    free = seen["free"] / GIGA
    observed = f"{free:.1f} of {seen['total'] / GIGA:.0f} GB free on {seen['type']}"
    return (
        free >= float(wanted["min_free_gb"]),
        f"{wanted['min_free_gb']} GB free on {seen['path']}",
        observed,
    )


def _memory(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    free = seen["free"] / GIGA
    return (
        free >= float(wanted["min_free_gb"]),
        f"{wanted['min_free_gb']} GB of memory",
        f"{free:.1f} GB free",
    )


def _gpu(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    del wanted
    names = ", ".join(
        f"{gpu['name']} (driver {gpu['driver']}), {gpu['free'] / GIGA:.0f} of {gpu['total'] / GIGA:.0f} GB free"
        for gpu in seen["gpus"]
    )
    return bool(seen["gpus"]), "a CUDA GPU", names or str(seen.get("reason") or "none")


def _torch(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    del wanted
    version = seen["version"]
    observed = f"{version}, CUDA {'available' if seen['cuda'] else 'not available'}" if version else seen["reason"]
    return bool(seen["cuda"]), "torch with CUDA", str(observed)


def _http(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    return seen["status"] == 200, f"200 from {wanted['url']}", str(seen["status"] or seen.get("reason"))


def _port(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    return bool(seen["open"]), f"port {wanted['port']} answers", "open" if seen["open"] else "closed"


def _git_auth(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    return bool(seen["accepted"]), f"{wanted['host']} accepts the key", str(seen["said"])


def _same(wanted: Mapping[str, Any], seen: Seen, keys: Sequence[str]) -> Verdict:
    """Compare the keys that are asked for, as text: YAML may have read 1100 as a number."""
    asked = [key for key in keys if key in wanted]
    for key in asked:
        if str(wanted[key]) != str(seen[key]):
            return False, f"{key} {wanted[key]}", f"{key} {seen[key]}"
    text = ", ".join(f"{key} {seen[key]}" for key in asked) or "there"
    return True, text, text


JUDGES: dict[str, Callable[[Mapping[str, Any], Seen], Verdict]] = {
    "command": _command,
    "directory": _directory,
    "disk": _disk,
    "file": _file,
    "git_auth": _git_auth,
    "git_config": _git_config,
    "gpu": _gpu,
    "http": _http,
    "link": _link,
    "memory": _memory,
    "package": _package,
    "port": _port,
    "program": _program,
    "torch": _torch,
    "user": _user,
    "venv": _venv,
    "wheel": _venv,
}
