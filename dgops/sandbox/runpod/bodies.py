"""Bodies that the double takes: closed, each field of its kind, and every violation named at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dgops.sandbox.runpod.refusal import RefusalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Rule = Callable[[str, Any], list[str]]

_VERSION = re.compile(r"\d+\.\d+")


def text(least: int = 0) -> Rule:
    """Take a text of at least so many characters."""

    def check(where: str, value: Any) -> list[str]:
        if not isinstance(value, str):
            return [f"{where}: is no string"]
        return [f"{where}: is shorter than {least}"] if len(value) < least else []

    return check


def number(least: int, most: int = 1 << 31) -> Rule:
    """Take an integer of this range."""

    def check(where: str, value: Any) -> list[str]:
        if isinstance(value, bool) or not isinstance(value, int):
            return [f"{where}: is no integer"]
        return [] if least <= value <= most else [f"{where}: is not from {least} to {most}"]

    return check


def amount(where: str, value: Any) -> list[str]:
    """Take a number of dollars."""
    good = not isinstance(value, bool) and isinstance(value, (int, float)) and value > 0
    return [] if good else [f"{where}: is no amount"]


def one_of(*values: str) -> Rule:
    """Take one of these words."""
    return lambda where, value: [] if value in values else [f"{where}: is none of {', '.join(values)}"]


def yes_no(where: str, value: Any) -> list[str]:
    """Take true or false."""
    return [] if isinstance(value, bool) else [f"{where}: is no boolean"]


def version(where: str, value: Any) -> list[str]:
    """Take a version such as 12.1."""
    return [] if isinstance(value, str) and _VERSION.fullmatch(value) else [f"{where}: is no version such as 12.1"]


def text_or_null(where: str, value: Any) -> list[str]:
    """Take a text, or null."""
    return [] if value is None or isinstance(value, str) else [f"{where}: is neither string nor null"]


def texts(where: str, value: Any) -> list[str]:
    """Take an object whose values are texts."""
    good = isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
    return [] if good else [f"{where}: is no object of strings"]


def listed(rule: Rule, most: int = 1 << 31) -> Rule:
    """Take an array whose items follow a rule."""

    def check(where: str, value: Any) -> list[str]:
        if not isinstance(value, list):
            return [f"{where}: is no array"]
        if len(value) > most:
            return [f"{where}: has more than {most} items"]
        return [fault for at, one in enumerate(value) for fault in rule(f"{where}[{at}]", one)]

    return check


def closed(fields: Mapping[str, Rule], required: tuple[str, ...] = ()) -> Rule:
    """Take an object with these fields and no others."""

    def check(where: str, value: Any) -> list[str]:
        if not isinstance(value, dict):
            return [f"{where}: is no object"]
        faults = [f"{where}.{name}: is required" for name in required if name not in value]
        faults += [f"{where}.{name}: unexpected property" for name in value if name not in fields]
        return faults + [
            fault for name in fields if name in value for fault in fields[name](f"{where}.{name}", value[name])
        ]

    return check


_CONTAINER = {
    "args": text(),
    "disk": number(1),
    "env": texts,
    "image": text(),
    "ports": listed(text()),
    "registry": text_or_null,
}
_MOUNTS = closed(
    {
        "persistent": closed({"size": number(10), "path": text()}, ("size", "path")),
        "network": listed(closed({"volumeId": text(), "path": text()}, ("volumeId", "path")), most=1),
    }
)
CREATE_POD = closed(
    {
        **_CONTAINER,
        "name": text(1),
        "cloud": one_of("SECURE", "COMMUNITY"),
        "cpu": closed({"id": text(1), "vcpuCount": number(2)}, ("id", "vcpuCount")),
        "dataCenterIds": listed(text()),
        "globalNetworking": yes_no,
        "gpu": closed(
            {"id": text(), "count": number(1), "allowedCudaVersions": listed(version), "minCudaVersion": version},
            ("id",),
        ),
        "mounts": _MOUNTS,
        "startJupyter": yes_no,
        "startSsh": yes_no,
        "templateId": text(1),
    },
    ("name",),
)
ACTION = closed({"action": one_of("start", "stop", "restart", "terminate")}, ("action",))
CREATE_VOLUME = closed(
    {
        "dataCenter": text(1),
        "name": text(1),
        "size": number(10, 4096),
        "type": one_of("STANDARD", "HIGH_PERFORMANCE"),
    },
    ("name", "size", "dataCenter"),
)


def require(rule: Rule, body: Any) -> dict[str, Any]:
    """Return the body if it follows the rule; raises RefusalError 422 naming each violation."""
    faults = rule("body", body)
    if rule is CREATE_POD and isinstance(body, dict) and "templateId" not in body and "image" not in body:
        faults.append("body.image: is required without a templateId")
    if faults:
        raise RefusalError(422, "Request validation failed.", tuple(faults))
    found: dict[str, Any] = body
    return found
