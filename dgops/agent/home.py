"""What root may do in a user's home: make the folder for keys, and give back what root took; no link is followed."""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
import sys
from typing import Any, Dict, Iterator, List, NoReturn

FOLDER = ".ssh"
MODE = 0o700
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A pipe must not make root wait for a writer.
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def answer(request: Dict[str, Any]) -> Dict[str, Any]:
    """Settle the home of `user`: the folder for keys, and of `files` (names below the home) those that are there.

    With `check` nothing is changed. Ends with a message where the folder for keys is a link: its owner could lead
    root anywhere by it.
    """
    try:
        return {"changed": settle(pwd.getpwnam(request["user"]), request["files"], request["check"])}
    except OSError as error:
        _stop("{}: {}".format(error.strerror, error.filename or "in the home of " + request["user"]))


def settle(user: pwd.struct_passwd, files: List[str], check: bool) -> List[str]:
    """Return what was changed, in words."""
    changed = []
    if not os.path.isdir(user.pw_dir):
        if check:
            return ["made " + user.pw_dir]
        os.makedirs(user.pw_dir, 0o755)
        os.chown(user.pw_dir, user.pw_uid, user.pw_gid)
        changed.append("made " + user.pw_dir)
    with _opened(_home(user)) as home:
        changed += _folder(home, user, check)
        for path in files:
            folder, _, name = path.rpartition("/")
            changed += _given(home, folder, name, user, check)
    return changed


def _home(user: pwd.struct_passwd) -> int:
    home = os.open(user.pw_dir, DIRECTORY)
    # What a home that is a link leads to may be in somebody's hands on the way.
    if os.path.islink(user.pw_dir) and os.fstat(home).st_uid != user.pw_uid:
        _stop(user.pw_dir + " is a link to a folder that is not its user's: mend that by hand")
    return home


def _folder(home: int, user: pwd.struct_passwd, check: bool) -> List[str]:
    path, changed = os.path.join(user.pw_dir, FOLDER), []
    try:
        os.stat(FOLDER, dir_fd=home, follow_symlinks=False)
    except FileNotFoundError:
        changed.append("made " + path)
        if check:
            return changed
        os.mkdir(FOLDER, MODE, dir_fd=home)
    try:
        opened = os.open(FOLDER, DIRECTORY | os.O_NOFOLLOW, dir_fd=home)
    except OSError:
        _stop("{} is a link or no folder, and root does not work behind it: make it a folder".format(path))
    with _opened(opened) as folder:
        changed += _give(folder, path, user, check)
        if stat.S_IMODE(os.fstat(folder).st_mode) != MODE:
            changed.append("closed {} to others".format(path))
            if not check:
                os.fchmod(folder, MODE)
    return changed


def _given(home: int, folder: str, name: str, user: pwd.struct_passwd, check: bool) -> List[str]:
    """Give one file to the user if it is a plain one and somebody else's; a second name of a file is left alone."""
    try:
        inner = os.open(folder or ".", DIRECTORY | os.O_NOFOLLOW, dir_fd=home)
    except OSError:
        return []
    with _opened(inner) as parent:
        try:
            found = os.open(name, FILE, dir_fd=parent)
        except OSError:
            return []
        with _opened(found) as file:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
                return []
            return _give(file, os.path.join(user.pw_dir, folder, name), user, check)


def _give(descriptor: int, path: str, user: pwd.struct_passwd, check: bool) -> List[str]:
    status = os.fstat(descriptor)
    if (status.st_uid, status.st_gid) == (user.pw_uid, user.pw_gid):
        return []
    if not check:
        os.fchown(descriptor, user.pw_uid, user.pw_gid)
    return ["gave {} to {}".format(path, user.pw_name)]


@contextlib.contextmanager
def _opened(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _stop(message: str) -> NoReturn:
    sys.exit("error: " + message)
