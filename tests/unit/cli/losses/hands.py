"""A person at the command line: each command is a process, and some are ended in the middle of something."""

import faulthandler
import gc
import importlib
import os
import pkgutil
import signal
import sys
import time
import traceback
from dataclasses import dataclass

import httpx  # noqa: F401 - loaded once for all commands, like the rooms below
from boxes import Way

from dgops import cli, flows, git, hosts, jobs, pods, sync, transport
from dgops.cli import main
from dgops.pods.runpod import session

SECONDS = 90
MOST_FILES = 4096
for room in (cli, flows, git, hosts, jobs, pods, sync, transport):
    for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
        if "pyinfra" not in found.name and "worker" not in found.name:
            importlib.import_module(found.name)


@dataclass(frozen=True)
class Blow:
    """What ends a command: at which of its calls to the provider or a pod, before or after, and by which signal."""

    call: int
    after: bool
    signal: int


@dataclass
class Command:
    """A command under way: what it printed goes to files, its process can be waited for."""

    words: tuple
    child: int
    folder: object

    @property
    def out(self):
        return self._read("out")

    @property
    def err(self):
        return self._read("err")

    def _read(self, name):
        # It may have been killed before it had any.
        place = self.folder / name
        return place.read_text() if place.exists() else ""

    def ended(self):
        """Return the exit code, negative where a signal ended it, None where it goes on."""
        if not hasattr(self, "code"):
            done, status = os.waitpid(self.child, os.WNOHANG)
            if done:
                self.code = os.waitstatus_to_exitcode(status)
        return getattr(self, "code", None)

    def wait(self, seconds=SECONDS):
        ends = time.monotonic() + seconds
        while self.ended() is None:
            if time.monotonic() > ends:
                os.kill(self.child, signal.SIGUSR1)
                time.sleep(0.5)
                self.kill()
                raise AssertionError((self.words, "does not end", self.out, self.err))
            time.sleep(0.005)
        return self

    def kill(self, number=signal.SIGKILL):
        if self.ended() is None:
            os.kill(self.child, number)
            self.wait()


def start(folder, words, blow=None):
    """Start a command of dgops in a process of its own, with this one's modules, settings and patches."""
    folder.mkdir(parents=True)
    # Ctrl-C that comes before there is a command waits for it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            # It would hold the double's connections and a pod's port open; and what the parent has not tidied up
            # yet, the child would finish by the numbers of files of its own.
            gc.freeze()
            os.closerange(3, MOST_FILES)
            files = [os.open(folder / name, os.O_WRONLY | os.O_CREAT) for name in ("out", "err")]
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(files[0], 1)
            os.dup2(files[1], 2)
            sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
            # Where it hangs, it says where.
            faulthandler.register(signal.SIGUSR1, sys.stderr, all_threads=True)
            sys.argv = ["dgops", *words]
            if blow:
                arm(blow)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            main.main()
        except SystemExit as end:
            leave(end.code)
        except KeyboardInterrupt:
            # Right before the command's own edge.
            leave(130)
        except BaseException:  # noqa: BLE001 - a child's edge: whatever it was is in its output
            traceback.print_exc()
        finally:
            leave(99)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return Command(words, child, folder)


def leave(code):
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def arm(blow):
    """Count calls, and strike at the one that was named."""
    left = [blow.call]

    def struck(honest):
        def call(*words, **more):
            left[0] -= 1
            mine = left[0] == -1
            if mine and not blow.after:
                os.kill(os.getpid(), blow.signal)
            try:
                return honest(*words, **more)
            finally:
                if mine and blow.after:
                    os.kill(os.getpid(), blow.signal)

        return call

    session.Session.call = struck(session.Session.call)
    Way._asked = struck(Way._asked)
