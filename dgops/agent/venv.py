"""Make venvs equal to their locks with uv, from the wheel cache; only what differs is touched."""

from __future__ import annotations

import os
import shutil
import sys
import time
import zipfile
from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple

from dgops.agent import manifest, program, wheel_fetch, wheels
from dgops.agent.attest import Attested, attest, digest_of
from dgops.agent.attest_wheel import attest_wheel
from dgops.agent.manifest import STAMP, TICK, Manifest, Row
from dgops.agent.mend import Plan, concerns, discard_all, plan_of, set_modes, take_away
from dgops.agent.pins import Pin, locked
from dgops.agent.scratch import scratch
from dgops.agent.wheels import require_space, run, stop

INSTALL_SECONDS = 1200
MOST_TOLD = 200

Request = Dict[str, Any]
Answer = Dict[str, Any]


def answer(request: Request) -> Answer:
    """Answer one request; `op` is settle (also without one) or install. Ends with exit 1 and a message on stderr."""
    try:
        return OPERATIONS[request.get("op", "settle")](request)
    except OSError as error:
        stop("{}: {}".format(error.strerror, error.filename or "while the venvs were made"))


def settle_all(request: Request) -> Answer:
    """Settle every venv and say what was done.

    The request: cache, uv (path, text of its lock), venvs (path, lock, allow, index_url), check.
    """
    uv, cache, check = request["uv"], request["cache"], request["check"]
    renewed, downloaded = program.ensure_uv(uv["path"], uv["lock"], cache, check)
    done = {venv["path"]: settle(venv, uv["path"], cache, check) for venv in request["venvs"]}
    changed = renewed or any(any(one.values()) for one in done.values())
    return {"changed": changed, "uv": renewed, "downloaded": downloaded, "venvs": done}


def settle(venv: Dict[str, Any], uv: str, cache: str, check: bool = False) -> Answer:
    """Make one venv equal to its lock and prove it; returns what was done, by name."""
    path, allow = venv["path"], venv.get("allow", [])
    with open(venv["lock"]) as stream:
        wanted = locked(stream.read())
    held, found, plan = _compared(path, wanted, allow)
    done: Answer = {
        "installed": plan.install,
        "removed": plan.remove,
        "removed_files": plan.strays[:MOST_TOLD],
        "restored": [*plan.own, *plan.modes][:MOST_TOLD],
        "proven_anew": plan.manifest,
        "downloaded": [],
    }
    if check:
        return done
    if not plan:
        if found.hashed and held:
            # What was touched and is the same is not hashed again next time.
            fresh = Manifest(found.proven, found.folders, manifest.python(), found.taken)
            manifest.write(path, fresh)
        return done
    wheels_of, done["downloaded"] = wheel_fetch.fetch(
        [wanted[name] for name in plan.install], cache, venv.get("index_url") or ""
    )
    os.makedirs(os.path.dirname(path), exist_ok=True)
    # Unpacked twice where a file system has no hard links: in uv's hands, and in the venv.
    require_space(path, wheels_of.values(), 2)
    if manifest.alive(path):
        set_modes(path, found, plan)
        take_away(path, found, plan)
    else:
        make(path)
        plan = plan._replace(own=["all"])
    own = skeleton(path, uv) if plan.own or plan.manifest else []
    install(path, uv, wheels_of)
    known = _kept(held, own, {*plan.install, *plan.remove})
    done["removed_files"] = [*done["removed_files"], *prove(path, wanted, allow, known)][:MOST_TOLD]
    return done


def place(request: Request) -> Answer:
    """Install a wheel in a venv unless its files are there as the wheel has them: path, wheel, uv, check."""
    path, wheel, uv = request["path"], request["wheel"], request["uv"]
    if not manifest.alive(path):
        if request["check"]:
            return {"changed": False, "installed": []}
        stop("{} is no venv: deploy the role python_env first".format(path))
    if not attest_wheel(path, wheel).findings:
        return {"changed": False, "installed": []}
    done = {"changed": True, "installed": [os.path.basename(wheel)]}
    if request["check"]:
        return done
    require_space(path, [wheel], 2)
    held = manifest.read(path)
    with zipfile.ZipFile(wheel) as archive:
        record = next(name for name in archive.namelist() if name.endswith(manifest.INFO + "/RECORD"))
    holder = os.path.dirname(record)
    name = manifest.split(holder)[0]
    found = attest(path, {}, held=held)
    take_away(path, found, Plan([], [name], [], [], [], False))
    _uv_install(path, uv, os.path.dirname(path), [wheel])
    if held:
        # Only this wheel's rows are new; all others stay as they were proven, or were not.
        time.sleep(2 * TICK / 1e9)
        taken = time.time_ns()
        rows = {at: _since(row, held.taken) for at, row in held.files.items() if not concerns(row, {name})}
        rows.update(_completed(path, manifest.claims(path, holder)))
        manifest.write(path, held._replace(files=rows, taken=taken))
    left = [one.words for one in attest_wheel(path, wheel).findings if held or one.kind != "manifest"]
    if left:
        stop("{} still differs from {} after an installation: {}".format(path, os.path.basename(wheel), left[0]))
    return done


def make(venv: str) -> None:
    """Make a folder for a venv; only what was made here, or is a venv, is ever removed for it."""
    if os.path.isdir(venv) and os.listdir(venv):
        if not any(os.path.lexists(os.path.join(venv, name)) for name in (STAMP, "pyvenv.cfg")):
            stop("{} is a folder with something in it and no venv: move it away".format(venv))
        shutil.rmtree(venv)
    os.makedirs(venv, exist_ok=True)
    wheels.write(os.path.join(venv, STAMP), "")


def skeleton(venv: str, uv: str) -> List[str]:
    """Make anew what uv puts into an empty venv, links and pyvenv.cfg and activation; return the paths in the venv."""
    options = ["--quiet", "--no-config", "--no-cache", "--offline", "--allow-existing", "--python", sys.executable]
    if os.listdir(venv) == [STAMP]:
        run([uv, "venv", *options, venv], 120)
        return sorted(set(_files_of(venv)) - {STAMP})
    # What it consists of is asked of uv itself: another version of it brings other files.
    with scratch(os.path.dirname(venv)) as folder:
        empty = os.path.join(folder, "venv")
        run([uv, "venv", *options, empty], 120)
        names = _files_of(empty)
    discard_all(venv, names)
    run([uv, "venv", *options, venv], 120)
    return sorted(names)


def _files_of(venv: str) -> List[str]:
    return [
        os.path.relpath(os.path.join(at, name), venv)
        for at, folders, files in os.walk(venv)
        for name in [*files, *(one for one in folders if os.path.islink(os.path.join(at, one)))]
    ]


def install(venv: str, uv: str, found: Dict[Pin, str]) -> None:
    """Install wheels that the lock's hashes prove."""
    if not found:
        return
    with scratch(os.path.dirname(venv)) as folder:
        for path in found.values():
            os.symlink(path, os.path.join(folder, os.path.basename(path)))
        requirements = os.path.join(folder, "requirements.txt")
        wheels.write(requirements, "".join(pin.line + "\n" for pin in found))
        _uv_install(venv, uv, folder, ["--find-links", folder, "--require-hashes", "-r", requirements])


def _uv_install(venv: str, uv: str, parent: str, what: List[str]) -> None:
    """Install out of a fresh cache that goes at once: an edit in a venv would poison one that it shares files with."""
    with scratch(parent) as folder:
        argv = [uv, "pip", "install", "--quiet", "--no-config", "--offline", "--no-index", "--no-deps"]
        # By links, since no other name of a file is left when the cache is gone; where there are none, uv copies.
        argv += ["--cache-dir", os.path.join(folder, "uv"), "--link-mode", "hardlink"]
        argv += ["--python", os.path.join(venv, "bin", "python"), *what]
        run(argv, INSTALL_SECONDS)


def prove(venv: str, wanted: Dict[str, Pin], allow: Iterable[str], known: Manifest) -> List[str]:
    """Compare a venv as it is now and keep the manifest of it; stops where it still differs.

    `known` holds the rows that need no RECORD to be believed. Returns the strays that went: only after an
    installation is it known what belongs to the venv itself, or to a distribution that is there, and what does not.
    """
    # What was installed in the very step of the clock in which it is looked at would be doubted, and hashed each time.
    time.sleep(2 * TICK / 1e9)
    done = attest(venv, wanted, allow, held=known)
    strays = plan_of(done.findings, set(wanted)).strays
    if strays:
        discard_all(venv, strays)
        done = attest(venv, wanted, allow, held=known)
    if done.findings:
        words = " ".join(one.words + "," for one in done.findings[:5]).rstrip(",")
        stop("{} still differs from its lock after an installation: {}".format(venv, words))
    manifest.write(venv, Manifest(_completed(venv, done.proven), done.folders, manifest.python(), done.taken))
    return strays


def _compared(path: str, wanted: Dict[str, Pin], allow: Iterable[str]) -> Tuple[Optional[Manifest], Attested, Plan]:
    if not manifest.alive(path):
        return None, Attested(), Plan(sorted(wanted), [], [], [], [], False)
    held = manifest.read(path)
    found = attest(path, wanted, allow, held=held)
    return held, found, plan_of(found.findings, set(wanted))


def _kept(held: Optional[Manifest], own: List[str], renewed: Set[str]) -> Manifest:
    """Return the rows that hold on: those of distributions that stay, and the venv's own files, some made anew."""
    rows = held.files if held else {}
    kept = {path: row for path, row in rows.items() if not concerns(row, renewed)}
    if own:
        kept = {path: row for path, row in kept.items() if row.holders}
    kept.update((path, Row((), -1, ())) for path in own)
    return Manifest(kept, {}, manifest.python(), held.taken if held else 0)


def _since(row: Row, taken: int) -> Row:
    """Return a row for a later manifest: what was doubtful then stays so."""
    return row if row.stamp and row.stamp[3] < taken - TICK else row._replace(stamp=())


def _completed(venv: str, rows: Dict[str, Row]) -> Dict[str, Row]:
    """Return rows with the digests that no RECORD has: those of RECORDs themselves, and of the venv's own files."""
    done = {}
    for path, row in rows.items():
        whole = os.path.join(venv, path)
        done[path] = row if row.stamp and row.digests else _proven(whole, row)
    return done


def _proven(path: str, row: Row) -> Row:
    try:
        status = os.lstat(path)
        digest = digest_of(path, status)
    except OSError:
        return row
    if not row.digests:
        return row._replace(digests=(digest,), size=status.st_size, stamp=manifest.stamp_of(status))
    return row._replace(stamp=manifest.stamp_of(status)) if digest in row.digests else row


OPERATIONS: Dict[str, Callable[[Request], Answer]] = {"settle": settle_all, "install": place}
