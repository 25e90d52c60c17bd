"""A repository and the one way in which its git is started: no hooks, no prompts, no pagers, a deadline."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.errors import DgopsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEADLINE = 120.0
SETTINGS = (
    *("core.hooksPath=/dev/null", "core.fsmonitor=false", "core.quotePath=false", "core.safecrlf=false"),
    # What a case-folding disk at home would fold into .git is refused by git as well.
    *("core.protectNTFS=true", "core.protectHFS=true"),
    # Messages are written as UTF-8, and must not be labelled as anything else.
    "i18n.commitEncoding=UTF-8",
    *("gc.auto=0", "maintenance.auto=false", "advice.detachedHead=false", "user.useConfigOnly=true"),
)
LONGEST = 400
UNFINISHED = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
}
# What git complains of, and what to do.
ADVICE = (
    (b"dubious ownership", "run dgops as the owner of the repository"),
    (
        b".lock': File exists",
        "another git is at work there; if none is, it died and left its lock: remove the file named above",
    ),
    (b"No space left on device", "make room on this machine's disk; the same command again goes on from there"),
    (b"exists; cannot create", "rename or delete the branch that stands in the way"),
    (b"external filter", "install the program of that filter (for LFS: git-lfs), or take it out of .gitattributes"),
    (b"is not a git command", "git 2.38 or newer is needed"),
    (b"unknown option `write-tree'", "git 2.38 or newer is needed"),
)


class GitError(DgopsError):
    """Git failed, in its own words."""


@dataclass(frozen=True)
class Repository:
    """A work tree and its git; `variables` are added to git's environment.

    `scratch` is where temporary files go; the system's place for them where it is None.
    """

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    scratch: Path | None = None

    def run(
        self, *arguments: str, stdin: bytes = b"", good: Sequence[int] = (0,)
    ) -> subprocess.CompletedProcess[bytes]:
        """Run git in the work tree; raises GitError for an exit code that is not among the good ones."""
        argv = self.argv(*arguments)
        try:
            done = subprocess.run(
                argv, input=stdin, capture_output=True, timeout=DEADLINE, cwd=self.folder, env=self.environment
            )
        except FileNotFoundError:
            raise GitError("git is not installed here", "apt-get install git (2.38 or newer)") from None
        except subprocess.TimeoutExpired:
            raise GitError(f"{self.folder}: git {_command(arguments)} took more than {DEADLINE:g} s") from None
        if done.returncode not in good:
            raise GitError(f"{self.folder}: git {_command(arguments)}: {_words(done)}", advice(done.stderr))
        return done

    def text(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run git and return what it printed, without the last newline."""
        return self.run(*arguments, stdin=stdin).stdout.decode(errors="surrogateescape").rstrip("\n")

    def ask(self, *arguments: str) -> str | None:
        """Run git and return what it printed, None where it says no."""
        done = self.run(*arguments, good=range(256))
        return done.stdout.decode(errors="surrogateescape").rstrip("\n") if done.returncode == 0 else None

    def argv(self, *arguments: str) -> list[str]:
        """Return the command line of a git command."""
        settings = [word for one in SETTINGS for word in ("-c", one)]
        return ["git", "--no-pager", *settings, *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """Git's environment: nothing of the caller's points it to another repository or waits for a person."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or _identity(key)}
        quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "false", "GIT_PAGER": "cat", "LC_ALL": "C.UTF-8"}
        # Beside C.UTF-8 gettext still follows this one, and git's words are read here.
        quiet["LANGUAGE"] = ""
        # A look must not lock the index of somebody at work.
        quiet["GIT_OPTIONAL_LOCKS"] = "0"
        return {**kept, **quiet, **self.variables}

    def under(self, **variables: str) -> Repository:
        """Return the same repository with more variables in git's environment."""
        return replace(self, variables={**self.variables, **variables})

    def git_path(self, name: str) -> Path:
        """Return where a file of the repository's git folder lies, in a linked work tree too."""
        return self.folder / self.text("rev-parse", "--git-path", name)

    def quarantined(self, folder: Path) -> Repository:
        """Return the same repository with new objects going to a folder of their own."""
        objects = str(self.git_path("objects").resolve())
        # A list parted by colons, unless quoted.
        quoted = '"' + objects.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return self.under(GIT_OBJECT_DIRECTORY=str(folder), GIT_ALTERNATE_OBJECT_DIRECTORIES=quoted)


def open_repository(folder: Path) -> Repository:
    """Return the repository whose work tree stands at folder; raises GitError where there is none."""
    repository = Repository(folder)
    top = repository.ask("rev-parse", "--show-toplevel") if folder.is_dir() else None
    if top is None or Path(top).resolve() != folder.resolve():
        owned = repository.run("rev-parse", good=range(256)) if folder.is_dir() else None
        hint = advice(owned.stderr) if owned else ""
        raise GitError(f"{folder} is no git work tree", hint or "name the folder that holds .git")
    return repository


def unfinished(repository: Repository) -> str | None:
    """Return what is half done in a work tree in words, None where nothing is."""
    asked = [word for name in UNFINISHED for word in ("--git-path", name)]
    places = repository.text("rev-parse", *asked).split("\n")
    pairs = zip(places, UNFINISHED.values(), strict=True)
    found = (words for place, words in pairs if (repository.folder / place).exists())
    words = next(found, None)
    return words or ("a merge" if repository.text("ls-files", "--unmerged") else None)


def require_identity(repository: Repository) -> None:
    """Raise GitError where git does not know who commits here."""
    if repository.ask("var", "GIT_AUTHOR_IDENT") is None or repository.ask("var", "GIT_COMMITTER_IDENT") is None:
        raise GitError(
            f"{repository.folder}: git does not know who you are, so nothing can be committed",
            f"git -C {repository.folder} config user.name 'Your Name'; "
            f"git -C {repository.folder} config user.email you@example.org",
        )


def _identity(variable: str) -> bool:
    return variable.startswith(("GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_SSH"))


def _command(arguments: Sequence[str]) -> str:
    return arguments[2 * arguments.count("-c")]


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
    telling = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (telling or lines or [f"exit {done.returncode}"])[0][:LONGEST]


def advice(stderr: bytes) -> str:
    """Return what to do about what git complained of, empty where nobody knows."""
    return next((words for complaint, words in ADVICE if complaint in stderr), "")
