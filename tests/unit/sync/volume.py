"""A folder of a host whose files come home, and the real agent in this very process."""

import io
import json
import os
import shutil
import subprocess
from types import SimpleNamespace

from dgops import settings as settings_room
from dgops.agent import files
from dgops.sync import artifacts, maps

TABLE = """[[sync.map]]
name = "volume"
host = "pod"
host_path = "{there}/isengard"
repo = "isengard"
local_path = "data"
kind = "artifacts"
"""


class Link:
    """A way to the real agent in this very process."""

    def __init__(self, host):
        self.host, self.asked = host, []
        self.tamper = lambda op, answer: answer

    def __enter__(self):
        return self

    def __exit__(self, *trouble):
        return None

    def exchange(self, command, request, payload=b"", *, timeout=0):
        self.asked.append(request["op"])
        answer, chunks = files.exchange(json.loads(json.dumps(request)), io.BytesIO(payload))
        return self.tamper(request["op"], answer), b"".join(chunks)


def make(path, text, age=60):
    """Write a file that was written a while ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    when = path.stat().st_mtime - age
    os.utime(path, (when, when))


class Volume:
    """A repository that ignores /data/, and a volume with some files."""

    names = ("last.safetensors", "deep/step1.safetensors", "deep/sample.png")

    def __init__(self, root):
        self.root, self.there, self.home = root, root / "volume/isengard", root / "isengard/data"
        subprocess.run(["git", "init", "-q", root / "isengard"], check=True, timeout=30)
        (root / "isengard/.gitignore").write_text("/data/\n")
        (root / "dgops.toml").write_text(TABLE.format(there=root / "volume"))
        self.settings = settings_room.load(root)
        (self.map,) = maps.load_artifacts(self.settings)
        self.link = Link(SimpleNamespace(name="pod", variables={"user__name": "root"}))

    def again(self):
        """Begin anew: nothing is home."""
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.rmtree(self.there, ignore_errors=True)
        for name in self.names:
            make(self.there / name, f"{name}\n")

    def gather(self):
        return artifacts.gather(self.map, self.link, lambda _line: None)
