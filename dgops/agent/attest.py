"""Compare a venv with its lock: stat everything, hash what moved since it was last proven, name what differs."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import stat
import time
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

from dgops.agent import jobdir, manifest
from dgops.agent.manifest import INFO, STAMP, TICK, Manifest, Row
from dgops.agent.pins import Pin, canonical

CACHE = "__pycache__"
LONGEST = 160


class Finding(NamedTuple):
    """One difference: `holders` are the names of the distributions concerned, `path` is in the venv.

    Kinds: missing, other, broken, extra (a distribution), changed (a file's content, kind or mode), added (a path),
    mode (a folder's), owner, manifest.
    """

    kind: str
    words: str
    holders: Tuple[str, ...] = ()
    path: str = ""


@dataclass
class Attested:
    """What a comparison found; `proven` holds the rows as they stand now, for a manifest."""

    findings: List[Finding] = field(default_factory=list)
    proven: Dict[str, Row] = field(default_factory=dict)
    folders: Dict[str, int] = field(default_factory=dict)
    # Name → dist-info folders; more than one is what a killed upgrade leaves.
    found: Dict[str, List[str]] = field(default_factory=dict)
    hashed: int = 0
    taken: int = 0


def attest(
    venv: str,
    wanted: Dict[str, Pin],
    allow: Iterable[str] = (),
    owner: Optional[Tuple[int, int]] = None,
    deep: bool = False,
    held: Optional[Manifest] = None,
) -> Attested:
    """Return how a venv differs from its lock and from what its distributions brought.

    Distributions in `allow` may be there; what they hold is not judged. `owner` is the uid and gid that all belongs
    to; `deep` hashes everything; `held` is the venv's manifest, without which nothing is known but RECORDs.
    """
    taken = time.time_ns()
    seen = walk(venv)
    done = Attested(found=_distributions(venv, seen), taken=taken)
    done.findings += _against_lock(venv, wanted, set(allow), done.found)
    rows = expected(venv, done, held)
    if held is None:
        done.findings.append(Finding("manifest", "its manifest is missing or damaged", path=STAMP))
    else:
        deep = deep or held.python != manifest.python()
    silent = {name for one in done.findings for name in one.holders}
    silent |= set(done.found) - set(wanted)
    since = held.taken - TICK if held else 0
    for path, row in rows.items():
        trusted = not deep and bool(row.stamp) and row.stamp[3] < since
        if trusted and path in seen and manifest.stamp_of(seen[path]) == row.stamp:
            done.proven[path] = row
            continue
        names = {manifest.split(holder)[0] for holder in row.holders}
        words = differs(venv, path, row, seen.get(path), trusted, done)
        if words and (not names or not names <= silent):
            done.findings.append(Finding("changed", words, tuple(sorted(names)), path))
    if "bin/python" in seen and not os.path.exists(os.path.join(venv, "bin/python")):
        done.findings.append(Finding("changed", "bin/python leads nowhere", path="bin/python"))
    explained = set(rows)
    for name in set(done.found) - set(wanted):
        # Whoever brought these may change them at will: what they claim now counts, and not what they did.
        explained.update(path for holder in done.found[name] for path in manifest.claims(venv, holder))
    done.findings += _folders(seen, explained, held, done)
    if owner:
        done.findings += _owners(seen, owner)
    return done


def walk(venv: str) -> Dict[str, os.stat_result]:
    """Return path → status of all that lies in a venv, folders included; no link is followed."""
    seen: Dict[str, os.stat_result] = {"": os.stat(venv)}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        # What a folder holds that its owner may not read is as good as gone.
        with contextlib.suppress(PermissionError), os.scandir(os.path.join(venv, folder)) as entries:
            for entry in entries:
                path = folder + "/" + entry.name if folder else entry.name
                seen[path] = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(seen[path].st_mode):
                    waiting.append(path)
    return seen


def expected(venv: str, done: Attested, held: Optional[Manifest]) -> Dict[str, Row]:
    """Return what should be there: the manifest's rows, and the RECORDs of distributions that it does not know.

    Rows of a folder that is gone still explain files while its distribution is to be mended.
    """
    present = {holder for holders in done.found.values() for holder in holders}
    broken = {name for one in done.findings for name in one.holders}
    known: Dict[str, Row] = {}
    for path, row in held.files.items() if held else ():
        if present.issuperset(row.holders):
            known[path] = row
            continue
        holders = tuple(one for one in row.holders if one in present or manifest.split(one)[0] in broken)
        if holders:
            known[path] = row._replace(holders=holders)
    told = {holder for row in known.values() for holder in row.holders}
    rows = known
    for holder in sorted(present - told):
        rows = manifest.merged(rows, manifest.claims(venv, holder))
    return rows


def digest_of(path: str, status: os.stat_result) -> str:
    """Return a regular file's digest as RECORD writes it, a link's target behind `link:`; raises OSError."""
    if stat.S_ISLNK(status.st_mode):
        return "link:" + os.readlink(path)
    total = hashlib.sha256()
    with open(jobdir.open_regular(path), "rb") as stream:
        for chunk in iter(lambda: stream.read(1 << 20), b""):
            total.update(chunk)
    return "sha256=" + base64.urlsafe_b64encode(total.digest()).rstrip(b"=").decode()


def shown(path: str) -> str:
    """Return a path as a person reads it: without the way to site-packages, in one line of letters."""
    site = manifest.site_packages() + "/"
    short = path[len(site) :] if path.startswith(site) else path
    plain = short.encode("utf-8", "backslashreplace").decode()
    return "".join(one if one.isprintable() else "?" for one in plain)[:LONGEST]


def _distributions(venv: str, seen: Dict[str, os.stat_result]) -> Dict[str, List[str]]:
    found: Dict[str, List[str]] = {}
    site = manifest.site_packages()
    if site not in seen or not stat.S_ISDIR(seen[site].st_mode):
        return found
    for entry in sorted(os.listdir(os.path.join(venv, site))):
        if entry.endswith(INFO):
            found.setdefault(manifest.split(entry)[0], []).append(entry)
    return found


def _against_lock(venv: str, wanted: Dict[str, Pin], allow: Set[str], found: Dict[str, List[str]]) -> List[Finding]:
    findings = []
    for name, pin in sorted(wanted.items()):
        versions = [manifest.split(holder)[1] for holder in found.get(name, [])]
        if not versions:
            findings.append(Finding("missing", "{} is missing".format(name), (name,)))
        elif [_plain(one) for one in versions] != [_plain(pin.version)]:
            words = "{} {}, lock says {}".format(name, shown(" and ".join(versions)), pin.version)
            findings.append(Finding("other", words, (name,)))
        elif not os.path.isfile(os.path.join(venv, manifest.site_packages(), found[name][0], "RECORD")):
            findings.append(Finding("broken", "{} is broken: it has no RECORD".format(name), (name,)))
    allowed = {canonical(name) for name in allow}
    for name in sorted(set(found) - set(wanted) - allowed):
        findings.append(Finding("extra", "{} is not in the lock".format(shown(name)), (name,)))
    return findings


def _plain(version: str) -> str:
    """Return a version as locks write it: 2024.07.04 is 2024.7.4."""
    return ".".join(part.lstrip("0") or "0" if part.isdigit() else part for part in version.lower().split("."))


def differs(venv: str, path: str, row: Row, status: Optional[os.stat_result], trusted: bool, done: Attested) -> str:
    """Say how a file differs from its row, nothing where it does not; keeps the row as it is proven now."""
    done.proven[path] = row
    if status is None:
        return "{} is gone".format(shown(path))
    stamp = manifest.stamp_of(status)
    if trusted and stamp == row.stamp:
        return ""
    what = _content_differs(venv, path, row, status, done)
    if not what and row.stamp and stamp[0] != row.stamp[0]:
        what = "{} has mode {:04o}".format(shown(path), stat.S_IMODE(stamp[0]))
    if not what:
        done.proven[path] = row._replace(stamp=stamp)
    return what


def _content_differs(venv: str, path: str, row: Row, status: os.stat_result, done: Attested) -> str:
    # The size is asked first: a file that grew without end would be read without end.
    if not _is_plain(status) or row.size not in (-1, status.st_size):
        return _changed(path)
    if not row.digests:
        return _changed(path) if stat.S_ISLNK(status.st_mode) and row.holders else ""
    done.hashed += 1
    try:
        return "" if digest_of(os.path.join(venv, path), status) in row.digests else _changed(path)
    except OSError:
        return "{} cannot be read".format(shown(path))


def _is_plain(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)


def _changed(path: str) -> str:
    return "{} changed by hand".format(shown(path))


def _folders(
    seen: Dict[str, os.stat_result], explained: Set[str], held: Optional[Manifest], done: Attested
) -> List[Finding]:
    """Find what nobody explains below site-packages and bin, and folders of another mode."""
    findings = []
    folders, added = ancestors(explained), set()
    known = held.folders if held else {}
    site = manifest.site_packages()
    # Without a manifest nobody knows what belongs to the venv itself.
    tops = (site + "/", "bin/") if held else (site + "/",)
    # A folder comes before what lies in it.
    for path, status in seen.items():
        parent, _, name = path.rpartition("/")
        is_folder, inside = stat.S_ISDIR(status.st_mode), path.startswith(tops)
        if parent in added:
            added.update([path] if is_folder else [])
        elif is_folder and inside and path not in folders and name != CACHE:
            added.add(path)
            findings.append(Finding("added", "{}/ was added".format(shown(path)), path=path))
        elif is_folder and (path in folders or path in ("", site, "bin")):
            findings += _mode_differs(path, stat.S_IMODE(status.st_mode), known, done)
        elif not is_folder and inside and path not in explained and os.path.basename(parent) != CACHE:
            findings.append(Finding("added", "{} was added".format(shown(path)), path=path))
    return sorted(findings, key=lambda one: one.path)


def _mode_differs(path: str, mode: int, known: Dict[str, int], done: Attested) -> List[Finding]:
    done.folders[path] = known.get(path, mode)
    if done.folders[path] == mode:
        return []
    return [Finding("mode", "{} has mode {:04o}".format(shown(path) or "the venv", mode), path=path)]


def ancestors(paths: Iterable[str]) -> Set[str]:
    """Return the folders that these paths lie in."""
    found: Set[str] = set()
    for path in paths:
        folder = os.path.dirname(path)
        while folder and folder not in found:
            found.add(folder)
            folder = os.path.dirname(folder)
    return found


def _owners(seen: Dict[str, os.stat_result], owner: Tuple[int, int]) -> List[Finding]:
    findings = []
    for path, status in seen.items():
        # Bytecode that root's Python left is given back by the next deploy and is nothing to speak of.
        if (status.st_uid, status.st_gid) != owner and CACHE not in path:
            findings.append(Finding("owner", "{} is not its owner's".format(shown(path) or "the venv"), path=path))
    return findings


def report(done: Attested, most: int = 20) -> Dict[str, Any]:
    """Return what is said of a comparison: the first findings in words, and how many there are."""
    words: Sequence[str] = [one.words for one in done.findings]
    return {"findings": list(words[:most]), "total": len(words), "count": len(done.found), "hashed": done.hashed}
