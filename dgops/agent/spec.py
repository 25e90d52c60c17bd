"""What a job asks for, judged before anything is made."""

from __future__ import annotations

import re
from typing import Any, Dict, Optional

ID = re.compile(r"[0-9a-f]{8}\Z")
STORE = re.compile(r"[0-9a-f]{16}\Z")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
MODES = ("production", "fast-test")
LONGEST = 1 << 17
# As SkyPilot has them: higher goes first.
MOST_PRIORITY = 1000
MOST_RETRIES = 100
# A job that is lost again and again is let go on no more often.
MOST_ATTEMPTS = 10_000


def complaint(spec: Any, secrets: Any) -> Optional[str]:
    """Return what is wrong with a spec and the secrets that come with it, all of it in one sentence, None for good."""
    if not isinstance(spec, dict):
        return "the spec is no object"
    wrong = [words for key, (judge, words) in RULES.items() if not judge(spec.get(key))]
    if not _pairs(secrets):
        wrong.append("secrets must be names with texts")
    paths = [one["path"] for one in spec.get("inputs") or () if isinstance(one, dict) and "path" in one]
    if len(set(map(str, paths))) < len(paths):
        wrong.append("two inputs have one path")
    return "; ".join(wrong) or None


def is_inner(path: Any) -> bool:
    """Tell whether a path is relative, in its plain form, and stays below where it starts."""
    if not _word(path) or path.startswith("/"):
        return False
    return all(part not in ("", ".", "..") for part in path.split("/"))


def _word(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) < LONGEST and "\0" not in value


def _words(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and _word(value[0]) and all(_text(one) for one in value)


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) < LONGEST and "\0" not in value


def _pairs(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return all(isinstance(key, str) and NAME.match(key) and _text(one) for key, one in value.items())


def _inputs(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, dict)
        and is_inner(one.get("path"))
        and isinstance(one.get("store"), str)
        and STORE.match(one["store"])
        for one in value
    )


def _outputs(value: Any) -> bool:
    return isinstance(value, list) and all(
        _word(one) and (is_inner(one.rstrip("/")) or _absolute(one)) for one in value
    )


def _absolute(value: Any) -> bool:
    return _word(value) and value.startswith("/") and ".." not in value.split("/")


def _gpus(value: Any) -> bool:
    if value is None:
        return True
    if not isinstance(value, dict) or len(value) != 1:
        return False
    count, ids = value.get("count"), value.get("ids")
    if ids is None:
        return _number(count) and count != 0
    return isinstance(ids, list) and bool(ids) and all(map(_number, ids)) and len(set(ids)) == len(ids)


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _retries(value: Any) -> bool:
    return value is None or (_number(value) and value <= MOST_RETRIES)


def _priority(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MOST_PRIORITY)


def _stall(value: Any) -> bool:
    if value is None:
        return True
    if not isinstance(value, dict) or not isinstance(value.get("stop"), bool):
        return False
    if not isinstance(value.get("from_start", False), bool):
        return False
    times, least = value.get("times"), value.get("least")
    return _number(times) and times != 0 and isinstance(least, (int, float)) and 0 < least < LONGEST


def _resume(value: Any) -> bool:
    return value is None or _words(value)


def _names(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(one, str) and NAME.match(one) for one in value))


def _attest(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and all(map(_attested, value.values())))


def _attested(one: Any) -> bool:
    return isinstance(one, dict) and isinstance(one.get("holds"), bool) and isinstance(one.get("findings"), list)


RULES: Dict[str, Any] = {
    "id": (lambda one: isinstance(one, str) and ID.match(one), "id must be eight hexadecimal digits"),
    "argv": (_words, "argv must be a list of texts, the first of them a program"),
    "cwd": (lambda one: one is None or _absolute(one), "cwd must be an absolute path"),
    "env": (_pairs, "env must be names with texts"),
    "secrets": (_names, "secrets must be a list of names"),
    "inputs": (_inputs, "every input needs a relative path without .. and a store"),
    "outputs": (_outputs, "every output must be a path, relative or absolute, without .."),
    "gpus": (_gpus, "gpus must hold a count or distinct ids"),
    "retries": (_retries, "retries must be a number up to {}".format(MOST_RETRIES)),
    "priority": (_priority, "priority must be a number from -{0} to {0}".format(MOST_PRIORITY)),
    "stall": (_stall, "stall must hold times, least and stop"),
    "resume": (_resume, "resume must be a list of texts"),
    "attest": (_attest, "attest must say of each venv whether it holds"),
    "created": (_word, "created must be a time"),
    "correlation": (_word, "correlation is missing"),
}
