"""Refs of a repository, moved by compare-and-swap."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from typing import TYPE_CHECKING

from dgops.errors import BusyError
from dgops.git.repository import GitError, advice
from dgops.git.trees import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dgops.git.repository import Repository

PATIENCE = 30.0


def resolve(repository: Repository, name: str) -> str | None:
    """Return the commit that a name stands for, None where there is none."""
    return repository.ask("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")


def current_branch(repository: Repository) -> str | None:
    """Return the branch that is checked out, None where a commit is."""
    # Git's own --short says heads/main where a tag is called main too.
    name = repository.ask("symbolic-ref", "--quiet", "HEAD")
    return name.removeprefix("refs/heads/") if name else None


def branches(repository: Repository, prefix: str) -> dict[str, str]:
    """Return the branches below a prefix and their commits, the youngest name last."""
    # Git's own :short says heads/sync/… where a tag has the name too.
    rows = repository.text("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", f"refs/heads/{prefix}")
    pairs = (row.rpartition(" ") for row in rows.splitlines())
    return {name: commit for name, _, commit in pairs}


def is_ancestor(repository: Repository, commit: str, of: str) -> bool:
    """Return whether a commit is part of another's history; an unknown commit is part of none."""
    return repository.ask("merge-base", "--is-ancestor", commit, of) is not None


@contextlib.contextmanager
def moving(repository: Repository, moves: Mapping[str, tuple[str | None, str]], reason: str) -> Iterator[None]:
    """Hold refs locked while the block runs, and move all of them at its end, or none where it raises.

    Moves are ref → (the commit that it must be at now, None where it must not exist; the commit that it goes
    to). Raises BusyError where one is elsewhere. If this process dies, git lets go of the locks.
    """
    argv = repository.argv("update-ref", "--create-reflog", "-m", reason, "--stdin")
    lines = [f"update {ref} {new} {old or NOTHING}" for ref, (old, new) in moves.items()]
    with subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=repository.folder,
        env=repository.environment,
    ) as child:
        clock = threading.Timer(PATIENCE, child.kill)
        clock.start()
        try:
            _say(child, ["start", *lines, "prepare"])
            if _hear(child, "start: ok") and _hear(child, "prepare: ok"):
                clock.cancel()
                yield
                _say(child, ["commit"])
                if _hear(child, "commit: ok"):
                    return
            raise _refusal(child)
        finally:
            clock.cancel()
            _end(child)


def move(repository: Repository, moves: Mapping[str, tuple[str | None, str]], reason: str) -> None:
    """Move refs, all or none; raises BusyError where one is not where it should be."""
    with moving(repository, moves, reason):
        pass


def _say(child: subprocess.Popen[bytes], lines: list[str]) -> None:
    assert child.stdin
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write("".join(f"{line}\n" for line in lines).encode())
        child.stdin.flush()


def _hear(child: subprocess.Popen[bytes], wanted: str) -> bool:
    assert child.stdout
    return child.stdout.readline().decode(errors="replace").strip() == wanted


def _end(child: subprocess.Popen[bytes]) -> None:
    # Without a word of commit, the end of its input makes git give everything back.
    with contextlib.suppress(BrokenPipeError):
        child.communicate(timeout=PATIENCE)


def _refusal(child: subprocess.Popen[bytes]) -> Exception:
    with contextlib.suppress(BrokenPipeError):
        _, errors = child.communicate(timeout=PATIENCE)
    words = (errors.decode(errors="replace").strip().splitlines() or ["git update-ref said nothing"])[0]
    if "but expected" in words or "reference already exists" in words or "reference is missing" in words:
        return BusyError("the branch moved while dgops was at work, so nothing was changed", "the same command again")
    return GitError(f"refs could not be moved: {words[:300]}", advice(errors))
