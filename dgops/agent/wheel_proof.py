"""Is a wheel whole: by its lock's hashes, and by its own list of files where no lock names it."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, FrozenSet, List, Set, Tuple

from dgops.agent import wheel_archive
from dgops.agent.wheels import Wheel, sha256, shelf

# They vouch for RECORD, and RECORD does not name them.
SIGNATURES = ("RECORD.jws", "RECORD.p7s")
Named = Dict[Tuple[str, str], FrozenSet[str]]


def verify(cache: str, named: Named, locks: Dict[str, FrozenSet[str]]) -> Dict[str, Any]:
    """Read every wheel and archive of a cache; nothing is changed.

    `named` are the hashes of each (name, version) that a lock pins, `locks` those of each archive's lock. Returns
    the counts, and what is wrong as {"name", "problem"}.
    """
    wheels = shelf(cache)
    known = {os.path.basename(wheel.path) for wheel in wheels}
    odd = sorted(name for name in os.listdir(cache) if name.endswith(".whl") and name not in known)
    bad = [{"name": name, "problem": "its name is not one of a wheel"} for name in odd]
    # Hashing lets other threads run.
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        rows = list(pool.map(lambda wheel: (os.path.basename(wheel.path), problem(wheel, named)), wheels))
    bad += [{"name": name, "problem": what} for name, what in rows if what]
    archives = sorted(name for name in os.listdir(cache) if wheel_archive.NAMED.fullmatch(name))
    for name in archives:
        what = _archive_problem(os.path.join(cache, name), locks.get(name))
        bad += [{"name": name, "problem": what}] if what else []
    locked = sum((wheel.name, wheel.version) in named for wheel in wheels)
    return {"wheels": len(wheels) + len(odd), "locked": locked, "archives": len(archives), "bad": bad}


def problem(wheel: Wheel, named: Named) -> str:
    """Return what is wrong with a wheel, nothing where all is well."""
    hashes = named.get((wheel.name, wheel.version))
    if hashes is None:
        return unsound(wheel.path)
    found = "sha256:" + sha256(wheel.path).hexdigest()
    return "" if found in hashes else "{} is none of the {} hashes of its lock".format(found[:23], len(hashes))


def unsound(path: str) -> str:
    """Return what is wrong with a wheel by its own list of files (RECORD), nothing where all is well."""
    try:
        with zipfile.ZipFile(path) as wheel:
            return _against_record(wheel)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError) as error:
        return "not a whole zip: {}".format(error)


def _against_record(wheel: zipfile.ZipFile) -> str:
    names: Set[str] = {entry.filename for entry in wheel.infolist() if not entry.is_dir()}
    records = [name for name in names if name.endswith(".dist-info/RECORD") and name.count("/") == 1]
    if len(records) != 1:
        return "it has no list of its files (RECORD)"
    rows = [row for row in csv.reader(io.TextIOWrapper(wheel.open(records[0]), "utf-8", newline="")) if row]
    listed = {row[0]: row[1] if len(row) > 1 else "" for row in rows}
    folder = records[0][: -len("RECORD")]
    exempt = {records[0], *(folder + name for name in SIGNATURES)}
    wrong: List[str] = [name + " is missing" for name in sorted(set(listed) - names - exempt)]
    wrong += [name + " is not in its list" for name in sorted(names - set(listed) - exempt)]
    for name in sorted(names):
        algorithm, _, wanted = listed.get(name, "").partition("=")
        found = _read(wheel, name, algorithm if algorithm in hashlib.algorithms_guaranteed else "sha256")
        if name not in exempt and name in listed and wanted != found:
            wrong.append(name + " is not what its list says")
    return "" if not wrong else wrong[0] + (" and {} more".format(len(wrong) - 1) if len(wrong) > 1 else "")


def _read(wheel: zipfile.ZipFile, name: str, algorithm: str) -> str:
    """Return the digest of a member as RECORD writes it; reading to the end proves its CRC as well."""
    total = hashlib.new(algorithm)
    with wheel.open(name) as stream:
        for chunk in iter(lambda: stream.read(1 << 20), b""):
            total.update(chunk)
    return base64.urlsafe_b64encode(total.digest()).rstrip(b"=").decode()


def _archive_problem(path: str, hashes: Any) -> str:
    try:
        found = wheel_archive.digests(path)
    except wheel_archive.Damaged as error:
        return str(error).partition(": ")[2] or str(error)
    strange = sorted(name for name, one in found.items() if hashes is not None and "sha256:" + one not in hashes)
    return "{} in it is not its lock's".format(strange[0]) if strange else ""
