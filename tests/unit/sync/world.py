"""A repository at home, folders of a host, and the real agent between them."""

import io
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from dgops import settings as settings_room
from dgops.agent import changes, files, replica, scan, watch
from dgops.sync import maps, run
from dgops.sync.scene import Wish
from dgops.transport.become import unwrapped
from dgops.transport.local import LocalTransport
from dgops.transport.protocol import Completed

PATHS = {"api": "apps/api/src", "shared": "packages/shared"}


class Direct(LocalTransport):
    """This machine as a host, with the real agent in this very process: starting Python is most of a sync's time."""

    def run(self, argv, *, stdin=b"", timeout=60.0):
        command = list(unwrapped(argv))[-1]
        stream = io.BytesIO(stdin)
        request = json.loads(stream.readline())
        if command in ("files", "replica"):
            answer, chunks = {"files": files, "replica": replica}[command].exchange(request, stream)
        else:
            answer, chunks = {"changes": changes, "scan": scan, "watch": watch}[command].answer(request), ()
        output = json.dumps(self.tamper(command, answer)).encode() + b"\n" + self.spoil(b"".join(chunks))
        return Completed(tuple(argv), 0, output, b"", 0.1)

    def tamper(self, command, answer):
        """A host that lies overrides this."""
        return answer

    def spoil(self, content):
        """A host that sends other bytes than it says overrides this."""
        return content


class World:
    """One repository with two maps on one host; the host's folders lie below `there`."""

    def __init__(self, root):
        self.root = root
        self.repo = root / "isengard"
        self.there = root / "pod"
        self.said = []
        self.transport = Direct("pod")
        self.repo.mkdir()
        self.git("init", "-q", "-b", "main")
        with (self.repo / ".git/config").open("a") as stream:
            stream.write("[user]\n\tname = Sean\n\temail = sean@example.org\n")
        for number in range(6):
            self.write(self.repo, f"apps/api/src/f{number}.py", "".join(f"line {line}\n" for line in range(12)))
        self.write(self.repo, "packages/shared/clock.py", "tick\n")
        self.write(self.repo, "packages/shared/tools/run.sh", "#!/bin/sh\n", 0o755)
        self.write(self.repo, "README.md", "read me\n")
        self.commit("first")
        tables = [
            f'[[sync.map]]\nname = "{name}"\nhost = "pod"\nhost_path = "{self.there}/app/{local}"\n'
            f'repo = "isengard"\nlocal_path = "{local}"\n'
            for name, local in PATHS.items()
        ]
        (root / "dgops.toml").write_text("\n".join(tables))
        self.there.mkdir()

    @property
    def settings(self):
        return settings_room.load(self.root)

    @property
    def shared(self):
        (shared,) = maps.load(self.settings)
        return shared

    def git(self, *arguments, good=True):
        done = subprocess.run(["git", "-C", self.repo, *arguments], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 or not good, done.stderr
        return done.stdout.strip()

    def write(self, root, path, text, mode=0o644):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text if isinstance(text, bytes) else text.encode())
        (root / path).chmod(mode)

    def home(self, path, text, message="edit"):
        self.write(self.repo, path, text)
        return self.commit(message)

    def commit(self, message):
        self.git("add", "-A")
        self.git("commit", "-qm", message)
        return self.head

    @property
    def head(self):
        return self.git("rev-parse", "HEAD")

    @property
    def base(self):
        return self.git("rev-parse", "--verify", "-q", self.shared.ref, good=False)

    @property
    def branches(self):
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads/sync").split()

    @property
    def log(self):
        return self.git("rev-list", "HEAD").split()

    def host(self, path, text=None, mode=0o644):
        """Write a file on the host, or return what it holds."""
        if text is None:
            return (self.there / "app" / path).read_text()
        return self.write(self.there / "app", path, text, mode)

    def lines(self, path, number, text):
        """Change one line of a file, here or there."""
        lines = path.read_text().splitlines()
        lines[number] = text
        path.write_text("\n".join(lines) + "\n")

    def sync(self, transport=None, **wish):
        result = run.sync(self.shared, transport or self.transport, self.settings, Wish(**wish), self.said.append)
        self.check()
        return result

    def filled(self):
        """Fill the host's folders from home, and return the world."""
        result = self.sync(source="local")
        assert (result.outcome, result.parity) == ("pushed", True), result
        return self

    def keep(self):
        """Remember all of it, to begin again from here."""
        self.template = self.root.with_name(f"{self.root.name}-kept")
        shutil.copytree(self.root, self.template, symlinks=True)

    def again(self):
        """Begin again: all lies where it was, since state and markers know the places."""
        shutil.rmtree(self.root)
        shutil.copytree(self.template, self.root, symlinks=True)

    def check(self):
        """Whatever happened, git finds nothing broken, and dgops left nothing half written."""
        assert not self.git("fsck", "--strict", "--no-dangling")
        assert not list(self.there.rglob(".dgops-*.part"))
        assert not list((self.repo / ".git").glob("*.lock"))
        assert not (self.repo / ".git/dgops-scratch").exists()

    def renamed(self, **changes):
        return replace(self.shared, **changes)


def tree(folder: Path):
    """Return every file below a folder with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
