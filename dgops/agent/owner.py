"""Whose files these are: the base of a host's jobs, its user, and what is refused him."""

from __future__ import annotations

import contextlib
import os
import pwd
import stat

from dgops.agent import process

NOBODY = 65534


class Refusal(Exception):  # noqa: N818
    """A request that is answered with a sentence and a hint."""

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(sentence, hint)
        self.answer = {"refused": sentence, "hint": hint}


def entry(name: str) -> pwd.struct_passwd:
    """Return a user's entry; one that is not there is refused."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise Refusal("there is no user {} on this host".format(name), "dgops deploy makes the work user") from None


def enter(base: str) -> None:
    """Become whoever owns a base, for good; root remains root only where every job in it is his as well."""
    uid = os.lstat(base).st_uid
    if uid == 0:
        jobs = os.path.join(base, "jobs")
        names = os.listdir(jobs) if os.path.isdir(jobs) else []
        paths = [jobs, *(os.path.join(jobs, name) for name in sorted(names))]
        uid = next(filter(None, (os.lstat(path).st_uid for path in paths if os.path.lexists(path))), 0)
    process.become(uid, _group(uid))


def _group(uid: int) -> int:
    """Return a user's own group, and nobody's for one whom a host does not know yet: a restarted pod has lost him.

    Never the folder's: one made below a folder of root's may have that one's.
    """
    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return NOBODY


def own_base(base: str, user: pwd.struct_passwd) -> None:
    """Make a base that is missing and become its user, for good; a base of another user's is refused."""
    parent = os.path.dirname(base)
    if not os.path.isabs(base) or not os.path.isdir(parent):
        raise Refusal("{} does not exist on this host".format(parent), "is the volume mounted? then: dgops deploy")
    # In a folder of the user's own he makes it himself: there root could be led elsewhere.
    if not os.path.lexists(base) and os.stat(parent).st_uid != user.pw_uid:
        _give(base, user)
    process.become(user.pw_uid, user.pw_gid)
    with contextlib.suppress(FileExistsError):
        os.mkdir(base, 0o755)
    seen = os.lstat(base)
    if not stat.S_ISDIR(seen.st_mode):
        raise Refusal("{} is no folder".format(base), "move it away")
    if seen.st_uid != user.pw_uid:
        raise Refusal("{} belongs to another user than {}".format(base, user.pw_name), "chown it, or move it away")


def _give(base: str, user: pwd.struct_passwd) -> None:
    """Make a base for a user, as root, in a folder where others may write too."""
    try:
        os.mkdir(base, 0o700)
    except FileExistsError:
        return
    descriptor = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        # Somebody may have put another folder there by now: only an empty one of root's own is given away.
        if os.fstat(descriptor).st_uid == os.geteuid() and not os.listdir(descriptor):
            os.fchown(descriptor, user.pw_uid, user.pw_gid)
            os.fchmod(descriptor, 0o755)
    finally:
        os.close(descriptor)
