"""The kernel's word that something changed below folders, by inotify through the C library."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os

from dgops.agent.ready import readable

CREATE, MODIFY, ATTRIB, CLOSE_WRITE = 0x100, 0x2, 0x4, 0x8
MOVED_FROM, MOVED_TO, DELETE, DELETE_SELF, MOVE_SELF = 0x40, 0x80, 0x200, 0x400, 0x800
EVERYTHING = CREATE | MODIFY | ATTRIB | CLOSE_WRITE | MOVED_FROM | MOVED_TO | DELETE | DELETE_SELF | MOVE_SELF
ONLY_FOLDERS = 0x01000000
CHUNK = 1 << 16


class Unwatchable(Exception):  # noqa: N818 - an answer, not an accident
    """The kernel cannot watch here: no inotify, or no more watches."""


class Inotify:
    """One queue of the kernel's; folders are watched one by one, not what lies below them."""

    def __init__(self) -> None:
        self.library = ctypes.CDLL(None, use_errno=True)
        try:
            self.descriptor = self.library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except AttributeError:
            raise Unwatchable("this C library knows no inotify") from None
        if self.descriptor < 0:
            raise Unwatchable(os.strerror(ctypes.get_errno()))

    def watch(self, folder: int) -> None:
        """Watch an open folder; raises Unwatchable where the user's watches are used up."""
        # By descriptor: the name may lead elsewhere by now.
        path = "/proc/self/fd/{}".format(folder).encode()
        number = self.library.inotify_add_watch(self.descriptor, path, EVERYTHING | ONLY_FOLDERS)
        if number < 0:
            code = ctypes.get_errno()
            if code != errno.ENOENT:
                raise Unwatchable(os.strerror(code))

    def wait(self, seconds: float) -> bool:
        """Return whether something happened within so many seconds; what is told is taken out of the queue."""
        if not readable(self.descriptor, seconds):
            return False
        with contextlib.suppress(BlockingIOError):
            while len(os.read(self.descriptor, CHUNK)) > CHUNK // 2:
                pass
        return True

    def close(self) -> None:
        """Give the queue back."""
        os.close(self.descriptor)
