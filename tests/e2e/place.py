"""A place to work: a folder with its own dgops.toml, state, inventory and sandbox, and the real command line."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from dgops import settings as settings_room
from dgops.sandbox import hosts, teardown
from dgops.sandbox.spec import HostSpec

REPO = Path(__file__).parents[2]
BIN = Path(sys.prefix) / "bin"
MINUTES = 60


class Place:
    """One folder that a person works in; its sandbox hosts go with it."""

    def __init__(self, root, clone=False):
        self.root = root
        if clone:
            self._copy_tree()
        else:
            (root / "dgops.toml").write_text("")
        self.settings = settings_room.load(root)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("DGOPS_")}
        self.env = {**kept, "HOME": str(root / "home"), "PATH": f"{BIN}:{os.environ['PATH']}", "NO_COLOR": "1"}
        # Base images are cached for all places, as they are for all clones of a person.
        self.env["DGOPS_CACHE"] = str(self.settings.cache)
        (root / "home").mkdir(exist_ok=True)
        self.started = []

    def _copy_tree(self):
        """Copy what git tracks or would track: a clone of the work tree as it stands."""
        listing = ["git", "-C", REPO, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, capture_output=True, check=True, timeout=MINUTES).stdout
        copying = ["rsync", "-a", "--from0", "--ignore-missing-args", "--files-from=-", f"{REPO}/", f"{self.root}/"]
        subprocess.run(copying, input=names, check=True, timeout=MINUTES)

    def up(self, *names, **spec):
        return hosts.up([HostSpec(name, **spec) for name in names], self.settings)

    def down(self):
        # What a test that failed has left going.
        for running in self.started:
            with running:
                running.kill()
        teardown.down(self.settings)

    def start(self, *argv, **more):
        """Start dgops and return at once."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, "text": True}
        # A shell starts background jobs with Ctrl-C ignored; whoever runs the tests may be one.
        more = {**pipes, "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **more}
        self.started.append(subprocess.Popen([BIN / "dgops", *argv], cwd=self.root, env=self.env, **more))
        return self.started[-1]

    def dgops(self, *argv, timeout=10 * MINUTES):
        """Run dgops to its end."""
        return self.run(BIN / "dgops", *argv, timeout=timeout)

    def run(self, *argv, timeout=5 * MINUTES, cwd=None):
        return subprocess.run(
            argv,
            cwd=cwd or self.root,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )

    def json(self, *argv):
        """Run dgops with --json and return its exit code and its value."""
        done = self.dgops(*argv, "--json")
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def on(self, host, *argv):
        """Run a command on a sandbox host as root and return what it printed."""
        view = next(one for one in hosts.listed(self.settings) if one.name == host)
        done = self.run(*view.ssh, *argv, timeout=MINUTES)
        assert done.returncode == 0, done.stderr
        return done.stdout
