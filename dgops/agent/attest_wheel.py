"""Compare what is installed of a wheel with the wheel: what a deploy of a working tree goes by."""

from __future__ import annotations

import csv
import os
import zipfile
import zlib
from typing import Optional

from dgops.agent import manifest
from dgops.agent.attest import Attested, Finding, differs, shown
from dgops.agent.manifest import INFO, TICK, Row


def attest_wheel(venv: str, wheel: str, deep: bool = False) -> Attested:
    """Return how what is installed of a wheel differs from it, and from the manifest for what an installer added.

    Compared is content, not version: the wheel of a working tree changes under one version.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            record = next(name for name in archive.namelist() if name.endswith(INFO + "/RECORD"))
            lines = archive.read(record).decode("utf-8", "surrogateescape").splitlines()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, StopIteration):
        return Attested(findings=[Finding("other", "{} is no whole wheel".format(shown(wheel)))])
    holder, site = os.path.dirname(record), manifest.site_packages()
    name, version = manifest.split(holder)
    held, done = manifest.read(venv), Attested(found={name: [holder]})
    folder = os.path.join(venv, site)
    copies = [one for one in sorted(os.listdir(folder)) if one.endswith(INFO) and manifest.split(one)[0] == name]
    if copies != [holder]:
        there = " and ".join(manifest.split(one)[1] for one in copies) or "not installed"
        done.findings = [Finding("other", "{} is {}, the wheel is {}".format(name, shown(there), version), (name,))]
        return done
    rows = {path: row for path, row in (held.files if held else {}).items() if holder in row.holders}
    if not rows:
        done.findings = [Finding("manifest", "the venv's manifest does not know {}".format(name), (name,))]
        return done
    for path, digest, size in csv.reader(lines):
        if digest and ".data/" not in path:
            inner = site + "/" + path
            kept = rows.get(inner, Row((), -1, (holder,)))
            # What was proven for other content than the wheel's proves nothing here.
            rows[inner] = kept if kept.digests == (digest,) else Row((digest,), int(size or -1), (holder,))
    taken = held.taken if held else 0
    for path, row in rows.items():
        trusted = not deep and bool(row.stamp) and row.stamp[3] < taken - TICK
        words = differs(venv, path, row, _status(os.path.join(venv, path)), trusted, done)
        if words:
            done.findings.append(Finding("changed", words, (name,), path))
    return done


def _status(path: str) -> Optional[os.stat_result]:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
