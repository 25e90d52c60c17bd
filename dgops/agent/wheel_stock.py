"""Make a wheel cache hold what a lock needs: look first, download what is missing, keep it."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from typing import Dict, FrozenSet, List, Sequence, Tuple

from dgops.agent import wheel_archive
from dgops.agent.pins import Pin, everywhere, locked
from dgops.agent.wheel_fetch import download
from dgops.agent.wheel_notes import Notes, text_digest
from dgops.agent.wheels import brought, digest, proven, shelf, stop


@dataclass(frozen=True)
class Lock:
    """A lock by name: its text, and where its torch family comes from beside the ordinary index."""

    name: str
    text: str
    index_url: str = ""

    @property
    def pins(self) -> List[Pin]:
        """The pins that hold for this Python."""
        return list(locked(self.text).values())


@dataclass
class Stocked:
    """What was done for one lock; file names, but for `wheels`, the number of all that it has here."""

    wheels: int = 0
    there: int = 0
    downloaded: List[str] = field(default_factory=list)
    repaired: List[str] = field(default_factory=list)
    restored: List[str] = field(default_factory=list)
    packed: List[str] = field(default_factory=list)


def stock(lock: Lock, cache: str, near: str, notes: Notes) -> Stocked:
    """Make the cache hold every wheel of a lock; with `near`, a local folder, an archive of them too, and `near` them.

    A wheel that is not what the lock says is replaced. Ends with a message where one cannot be had.
    """
    pins = lock.pins
    held, altered = proven(pins, cache, notes)
    done = Stocked(len(pins), len(held))
    archive = wheel_archive.name_of(lock.name, lock.text)
    copies = _unpacked(os.path.join(cache, archive), pins, near) if near else {}
    missing = [pin for pin in pins if pin not in held]
    back = brought({pin: copies[pin] for pin in missing if pin in copies}, cache)
    new = download([pin for pin in missing if pin not in back], cache, lock.index_url, altered)
    old = {os.path.basename(path) for path in altered.values()}
    done.restored = sorted(os.path.basename(path) for path in back.values())
    done.repaired = sorted(old & {*new, *done.restored})
    done.downloaded = [name for name in new if name not in old]
    held = _whole(pins, cache, notes)
    if near:
        brought({pin: held[pin] for pin in pins if pin not in copies}, near)
        done.packed = pack(lock, cache, notes)
    names = {os.path.basename(path) for path in held.values()} | ({archive} if near else set())
    notes.note_lock(text_digest(lock.text), sorted(names))
    return done


def pack(lock: Lock, cache: str, notes: Notes) -> List[str]:
    """Write a lock's archive where it is not there as it was noted; returns its name then.

    It holds the wheels that hosts of other Pythons on the same volume need too, as far as the cache has them.
    """
    _whole(lock.pins, cache, notes)
    name = wheel_archive.name_of(lock.name, lock.text)
    wanted = hashes_of([lock])
    chosen: Dict[str, str] = {}
    for wheel in shelf(cache):
        hashes = wanted.get((wheel.name, wheel.version))
        found = digest(wheel.path, notes) if hashes else ""
        chosen.update({wheel.path: found} if hashes and "sha256:" + found in hashes else {})
    inside = text_digest("".join(sorted("{}\n".format(one) for one in chosen.values())))
    if notes.believed(name) is not None and notes.files[name].get("inside") == inside:
        return []
    total, _ = wheel_archive.pack(chosen, os.path.join(cache, name))
    notes.note(name, total, inside)
    return [name]


def _whole(pins: List[Pin], cache: str, notes: Notes) -> Dict[Pin, str]:
    """Return the wheel of every pin; ends with a message where one is missing."""
    held, altered = proven(pins, cache, notes)
    lacking = ["{} {}".format(pin.name, pin.version) for pin in pins if pin not in held]
    if lacking:
        words = "is altered" if altered else "is not"
        more = " and {} more".format(len(lacking) - 1) if len(lacking) > 1 else ""
        stop("{}{} {} in {}: dgops wheels fetch gets it".format(lacking[0], more, words, cache))
    return held


def hashes_of(locks: Sequence[Lock]) -> Dict[Tuple[str, str], FrozenSet[str]]:
    """Return the hashes that locks name for each (name, version), for every Python and platform."""
    found: Dict[Tuple[str, str], FrozenSet[str]] = {}
    for lock in locks:
        for pin in everywhere(lock.text):
            found[pin.name, pin.version] = found.get((pin.name, pin.version), frozenset()) | pin.hashes
    return found


def _unpacked(archive: str, pins: List[Pin], near: str) -> Dict[Pin, str]:
    """Return the wheels that the local folder has, those that the archive has put there included.

    A damaged archive is of use as far as it is whole.
    """
    held = proven(pins, near)[0]
    absent = [pin for pin in pins if pin not in held]
    if absent and os.path.exists(archive):
        with contextlib.suppress(wheel_archive.Damaged):
            wheel_archive.unpack(archive, frozenset(one for pin in absent for one in pin.hashes), near)
        held.update(proven(absent, near)[0])
    return held
