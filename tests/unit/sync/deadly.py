"""Ways to die: a sync killed at a counted step, an agent killed at one of its own, a way that is cut."""

import os
import signal
import sys
import traceback
import warnings

from world import Direct

from dgops.agent import beneath, replica
from dgops.errors import UnreachableError
from dgops.git import refs
from dgops.git.repository import Repository
from dgops.sync import run, state
from dgops.sync.scene import Wish
from dgops.transport.protocol import Completed

# What changes a repository, and what changes a host's disk.
GIT = {"update-index", "write-tree", "commit-tree", "hash-object", "merge-tree", "read-tree", "checkout-index"}
DISK = {"rename", "link", "unlink", "symlink", "rmdir", "mkdir", "fsync", "fchmod"}


class Steps:
    """Counts steps, and dies at the last one."""

    def __init__(self, last):
        self.last = last
        self.count = 0

    def __call__(self):
        self.count += 1
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


class Disk:
    """The module os, where whatever changes a disk is a step."""

    def __init__(self, step):
        self.step = step

    def __getattr__(self, name):
        real = getattr(os, name)
        return before(self.step, real) if name in DISK else real


def before(step, real):
    def stepped(*arguments, **options):
        step()
        return real(*arguments, **options)

    return stepped


def arm_agent(step):
    replica.os = beneath.os = Disk(step)


def arm(step):
    """Make a step of all that a sync changes; for a child that ends anyway."""
    real = Repository.run

    def run_git(self, *arguments, **options):
        if arguments[0] in GIT:
            step()
        return real(self, *arguments, **options)

    Repository.run = run_git
    refs._say = before(step, refs._say)
    state.write = before(step, state.write)
    Direct.run = before(step, Direct.run)
    arm_agent(step)


def in_child(work):
    """Do work in a child; returns the bytes that it gave, None where it was killed."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reader)
            with open(writer, "wb") as stream:
                stream.write(work())
            code = 0
        finally:
            if code:
                traceback.print_exc()
                sys.stderr.flush()
            os._exit(code)
    os.close(writer)
    with open(reader, "rb") as stream:
        given = stream.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return given if code == 0 else None


def killed(world, last, **wish):
    """Sync in a child that dies at a step; returns whether it came to that."""
    return steps(world, last, **wish) is None


def steps(world, last=0, **wish):
    """Sync in a child and return the number of its steps, None where it died at the last one."""
    step = Steps(last)

    def work():
        arm(step)
        run.sync(world.shared, world.transport, world.settings, Wish(**wish), lambda _line: None)
        return b"%d" % step.count

    given = in_child(work)
    return None if given is None else int(given)


class Cut:
    """A way to the host that is cut at the n-th request, before the host saw it or after it did all of it."""

    def __init__(self, inner, count, after=False):
        self.inner = inner
        self.count = count
        self.after = after

    def run(self, *arguments, **options):
        self.count -= 1
        if self.count >= 0:
            return self.inner.run(*arguments, **options)
        if self.after and self.count == -1:
            self.inner.run(*arguments, **options)
        raise UnreachableError("pod: the connection was lost")


class Fragile:
    """A host whose agent is killed at the n-th step of what it changes; `died` says whether it came to that."""

    def __init__(self, inner, last):
        self.inner = inner
        self.left = last
        self.died = False

    def run(self, argv, **options):
        if self.died:
            raise UnreachableError("pod: the connection was lost")
        step = Steps(self.left)

        def work():
            arm_agent(step)
            output = self.inner.run(argv, **options).stdout
            return b"%d\n" % step.count + output

        given = in_child(work)
        if given is None:
            self.died = True
            raise UnreachableError("pod: the connection was lost")
        count, _, output = given.partition(b"\n")
        self.left -= int(count)
        return Completed(tuple(argv), 0, output, b"", 0.1)
