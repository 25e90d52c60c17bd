"""Judge live observations: what changes while nobody deploys."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Seen = dict[str, Any]
# Whether it holds (None where it does not apply), what was expected, what was observed.
Verdict = tuple["bool | None", str, str]
GIGA = 1024**3
MEBI = 1024**2
# A younger lock may be that of a git on another machine, where the repository lies on a shared volume.
STALE = 60
UNITS = ((86400, "days"), (3600, "h"), (60, "min"))
LONGEST_PATH = 200
MOST_NAMED = 3
DEEP = "dgops health --deep  (reads the file once and remembers)"


def does_without_gpu(kind: str, observation: Mapping[str, Any]) -> bool:
    """Say whether a check cannot hold for want of a GPU only; torch must be there all the same."""
    seen = observation.get("seen")
    known = seen if isinstance(seen, dict) else {}
    if kind == "torch":
        return bool(known.get("version")) and not known.get("cuda")
    return kind == "gpu" and not known.get("gpus")


def remedy(kind: str, seen: Seen) -> str:
    """Return the next step where it follows from what was seen and not from the check."""
    if kind == "model":
        return DEEP if seen.get("exists") and "sha256" in seen and seen["sha256"] is None else ""
    if kind != "git_lock":
        return ""
    stale = [str(one["path"]) for one in seen["locks"] if _is_stale(one)]
    # A line to paste must do what it says: no name in it that a terminal would show as something else.
    if not stale or any(not path.isprintable() or len(path) > LONGEST_PATH for path in stale):
        return ""
    return f"on the host: rm -f {shlex.quote(stale[0])}"


def _clock(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    """Half of what the network took is the error of the measurement, and no fault of the host's clock."""
    offset, most = float(seen["offset"]), float(wanted["max_skew"])
    expected = f"at most {most:g} s off this controller's clock"
    off = abs(offset) - float(seen["within"])
    if off <= most:
        return True, expected, f"{max(0.0, off):.1f} s off"
    return False, expected, f"{_span(abs(offset))} {'ahead' if offset > 0 else 'behind'}"


def _comfyui(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    nodes = len(wanted.get("nodes") or ())
    expected = f"ComfyUI at {wanted['url']}" + (f" with {nodes} node class{'es' * (nodes != 1)}" if nodes else "")
    if seen["status"] != 200 or "count" not in seen:
        return False, expected, str(seen.get("reason") or f"status {seen['status']}")
    missing = ", ".join(map(str, seen["missing"]))
    said = ", ".join(filter(None, (str(seen.get("version") or ""), str(seen.get("device") or ""))))
    count = f"{int(seen['count'])} node classes{f' ({said})' if said else ''}"
    return not missing, expected, f"missing: {missing}" if missing else count


def _defender(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    asked = str(wanted.get("realtime", "any"))
    expected = "Defender's state" if asked == "any" else f"Defender's real-time protection {asked}"
    if not seen["wsl"]:
        return None, expected, "no Windows beneath"
    if seen["realtime"] is None:
        return False, expected, f"Windows does not say: {seen['reason']}"
    state = "on" if seen["realtime"] else "off"
    mode = f" ({seen['mode']})" if seen.get("mode") else ""
    return asked in ("any", state), expected, f"real-time protection {state}{mode}"


def _disk(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    free = seen["free"] / GIGA
    observed = f"{free:.1f} of {seen['total'] / GIGA:.0f} GB free on {seen['type']}"
    return free >= float(wanted["min_free_gb"]), f"{wanted['min_free_gb']} GB free on {seen['path']}", observed


def _edits(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    del wanted
    if not seen["exists"]:
        return None, "no local edits", "no clone is there"
    total, commits = int(seen["total"]), int(seen["commits"])
    named = ", ".join(map(str, seen["files"][:MOST_NAMED]))
    more = f" and {total - MOST_NAMED} more" if total > MOST_NAMED else ""
    found = [f"edited: {named}{more}"] if total else []
    found += [f"{commits} commit{'s' * (commits != 1)} of its own"] if commits else []
    return not found, "no local edits", "; ".join(found) or "none"


def _git_auth(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    return bool(seen["accepted"]), f"{wanted['host']} accepts the key", str(seen["said"])


def _git_lock(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    del wanted
    stale = [one for one in seen["locks"] if _is_stale(one)]
    expected = "no .git/index.lock without a git at work"
    if not stale:
        count = int(seen["repositories"])
        at_work = f", git at work in {len(seen['locks'])}" if seen["locks"] else ""
        return True, expected, f"{count} repositor{'y' if count == 1 else 'ies'}{at_work}"
    more = f" and {len(stale) - 1} more" if len(stale) > 1 else ""
    return False, expected, f"{stale[0]['path']}, {_span(stale[0]['age'])} old, no git at work{more}"


def _is_stale(lock: Mapping[str, Any]) -> bool:
    return not lock["alive"] and lock["age"] >= STALE


def _gpu(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    least, driver = float(wanted.get("min_free_gb") or 0), str(wanted.get("min_driver") or "")
    asked = [f"driver {driver} or newer" if driver else "", f"{least:g} GB free on one" if least else ""]
    expected = ", ".join(["a CUDA GPU", *filter(None, asked)])
    observed = ", ".join(
        f"{gpu['name']} (driver {gpu['driver']}), {gpu['free'] / GIGA:.0f} of {gpu['total'] / GIGA:.0f} GB free"
        for gpu in seen["gpus"]
    )
    holds = any(
        gpu["free"] / GIGA >= least and _numbers(str(gpu["driver"])) >= _numbers(driver) for gpu in seen["gpus"]
    )
    return holds, expected, observed or str(seen.get("reason") or "none")


def _http(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    return seen["status"] == 200, f"200 from {wanted['url']}", str(seen["status"] or seen.get("reason"))


def _memory(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    free = seen["free"] / GIGA
    return free >= float(wanted["min_free_gb"]), f"{wanted['min_free_gb']} GB of memory", f"{free:.1f} GB free"


def _model(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    size, digest = wanted.get("size"), wanted.get("sha256")
    asked = [f"{int(size)} bytes" if size else "", f"sha256 {str(digest)[:12]}" if digest else ""]
    expected = ", ".join(filter(None, asked)) or "a model file"
    if not seen["exists"]:
        return False, expected, f"{wanted['path']} is absent"
    if size and int(size) != seen["size"]:
        return False, expected, f"{int(seen['size'])} bytes"
    if digest and seen["sha256"] is None:
        return False, expected, f"{_size(seen['size'])}, its content was never read"
    if digest and str(seen["sha256"]) != str(digest).lower():
        return False, expected, f"sha256 {str(seen['sha256'])[:12]}"
    return True, expected, _size(seen["size"])


def _port(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    return bool(seen["open"]), f"port {wanted['port']} answers", "open" if seen["open"] else "closed"


def _shm(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    total = seen["total"] / MEBI
    observed = f"{total:.0f} MB, {seen['free'] / MEBI:.0f} free"
    return total >= float(wanted["min_mb"]), f"{wanted['min_mb']} MB of /dev/shm", observed


def _sshd(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    del wanted
    tried = ", ".join(str(int(number)) for number in seen["tried"])
    if seen["port"] is None:
        return False, "an sshd that answers", f"none on port {tried}"
    return True, "an sshd that answers", f"{seen['banner']} on port {int(seen['port'])}"


def _torch(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    del wanted
    version, expected = seen["version"], "torch with CUDA that computes rightly"
    if not version:
        return False, expected, str(seen["reason"])
    if not seen["cuda"]:
        return False, expected, f"{version}, CUDA not available"
    card = f"{seen.get('device')} (compute capability {seen.get('capability')})"
    if seen.get("computes") is False:
        return False, expected, f"{version} on {card}: {seen.get('reason') or 'wrong results'}"
    busy = ", no memory left to try it" if seen.get("computes") is None else ""
    return True, expected, f"{version} on {card}{busy}"


def _wheel_cache(wanted: Mapping[str, Any], seen: Seen) -> Verdict:
    expected = f"{wanted['path']} to be written to"
    if not seen["exists"]:
        return False, expected, "absent"
    room = f"{int(seen['count'])} wheels, {seen['free'] / GIGA:.1f} GB free on {seen['type']}"
    return bool(seen["writable"]), expected, room if seen["writable"] else f"not writable for its user; {room}"


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d{1,9}", version)]


def _span(seconds: float) -> str:
    for size, name in UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s"


def _size(count: float) -> str:
    return f"{count / GIGA:.1f} GB" if count >= GIGA else f"{count / MEBI:.1f} MB"


JUDGES: dict[str, Callable[[Mapping[str, Any], Seen], Verdict]] = {
    "clock": _clock,
    "comfyui": _comfyui,
    "defender": _defender,
    "disk": _disk,
    "edits": _edits,
    "git_auth": _git_auth,
    "git_lock": _git_lock,
    "gpu": _gpu,
    "http": _http,
    "memory": _memory,
    "model": _model,
    "port": _port,
    "shm": _shm,
    "sshd": _sshd,
    "torch": _torch,
    "wheel_cache": _wheel_cache,
}
