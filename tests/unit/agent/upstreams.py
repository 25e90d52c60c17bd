"""A repository of somebody else's, and what a test does to it; real git, on this machine's disk."""

import os
import subprocess

NOBODY = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
NAMES = {f"GIT_{who}_{what}": "upstream" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(path, *argv):
    done = subprocess.run(
        ["git", "-C", path, *argv],
        env={**os.environ, **NOBODY, **NAMES},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


class Upstream:
    """A repository with one commit after another, on main."""

    def __init__(self, path):
        self.path = path
        path.mkdir()
        git(path, "init", "--quiet", "--initial-branch=main")
        self.first = self.commit({"main.py": "print('first')\n", "README": "an app\n"})

    @property
    def remote(self):
        return str(self.path)

    def commit(self, files):
        for name, text in files.items():
            (self.path / name).write_text(text)
        git(self.path, "add", "--all")
        git(self.path, "commit", "--quiet", "--message", "a change")
        return git(self.path, "rev-parse", "HEAD")
