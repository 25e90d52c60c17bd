"""What must not be lost, and where it is: edits of a pod's mapped folder, and checkpoints of its jobs."""

import json
import os
import subprocess

from dgops.files import digest_bytes, digest_file
from dgops.git.entry import blob_id

FOLDER = "api"


def tree_of(folder):
    """Return path → bytes of what lies below a folder and is not dgops' own."""
    found = {}
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != ".git"]
        for name in files:
            if not name.startswith(".dgops-"):
                full = os.path.join(place, name)
                with open(full, "rb") as stream:
                    found[os.path.relpath(full, folder)] = stream.read()
    return found


class Edits:
    """Every state that the mapped folder went through on one pod, and what is owed of pods that are gone.

    `shots` holds (when, tree); `owed` path → the contents of which one must come home, None for a deletion.
    """

    def __init__(self, repo, spools):
        self.repo, self.spools = repo, spools
        self.shots, self.agreed, self.safe = [], None, set()
        self.owed = []

    def shot(self, when, tree):
        self.shots.append((when, tree))

    def came_home(self, when, tree):
        """A sync proved that home has all of it."""
        self.shots, self.agreed = [(when, tree)], tree
        self.safe |= {blob_id(content) for content in tree.values()}

    def lost(self, rounds):
        """The pod is gone: what its last whole look saw is owed, or whatever became of that afterwards."""
        seen = [number for number, (when, _) in enumerate(self.shots) if when <= max(rounds, default=0.0)]
        shots = [tree for _, tree in self.shots[seen[-1] :]] if seen else []
        for path in sorted({path for tree in shots[:1] for path in tree} | set(self.agreed or {})) if shots else ():
            contents = [tree.get(path) for tree in shots]
            if contents[0] != (self.agreed or {}).get(path):
                self.owed.append((path, contents))
        self.shots, self.agreed = [], None

    def check(self):
        """Whatever is owed is in a commit at home or in a spool; returns what is in spools alone."""
        reachable = self.reachable()
        assert self.safe <= reachable, "what came home is there no more"
        trees = [self.paths(tip) for tip in self.tips()]
        spooled = self.spooled()
        left = []
        for path, contents in self.owed:
            ids = {blob_id(one) for one in contents if one is not None}
            home = ids & reachable or (None in contents and any(path not in tree for tree in trees))
            if home:
                self.safe |= ids & reachable
                continue
            kept = any(
                path in gone if one is None else blob_id(one) in edits.get(path, ())
                for one in contents
                for edits, gone in spooled
            )
            assert kept, (f"lost: {path}", contents, spooled)
            left.append((path, contents))
        self.owed = left
        return left

    def reachable(self):
        """Return the id of everything that is in some commit at home."""
        return set(self.git("rev-list", "--objects", "--no-object-names", "--all").split())

    def ids(self, tip):
        """Return path → blob id of the mapped folder in a commit."""
        rows = (line.split(None, 3) for line in self.git("ls-tree", "-r", f"{tip}:{FOLDER}").split("\n") if line)
        return {path: number for _, _, number, path in rows}

    def tips(self):
        return self.git("for-each-ref", "--format=%(refname)", "refs/heads").split()

    def paths(self, tip):
        return set(self.git("ls-tree", "-r", "--name-only", f"{tip}:{FOLDER}").split("\n"))

    def spooled(self):
        """Return of every spool: path → ids that are told of and there, and the paths that are gone."""
        found = []
        for listed in self.spools.glob("*/dgops-spool/*/edits.json"):
            record, tree = json.loads(listed.read_text()), listed.parent / "tree"
            there = {path: blob_id((tree / path).read_bytes()) for path in record["edits"]}
            found.append(({path: {number} for path, number in there.items()}, record["gone"]))
        return found

    def git(self, *words, good=True):
        done = subprocess.run(["git", "-C", self.repo, *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 or not good, (words, done.stderr)
        return done.stdout.strip()


class Checkpoints:
    """What a training says that it wrote to the end: each is on its volume, or here, to the byte."""

    def __init__(self, told, volumes, home):
        self.told, self.volumes, self.home = told / "complete", volumes, home

    def complete(self):
        if not self.told.exists():
            return []
        return [json.loads(line) for line in self.told.read_text().splitlines()]

    def check(self):
        for one in self.complete():
            places = [self.home / one["name"], *self.volumes.glob(f"*/dgops/jobs/*/work/ckpt/{one['name']}")]
            held = [place for place in places if place.is_file() and digest_file(place) == one["sha256"]]
            assert held, (f"lost: {one}", places)

    def all_home(self):
        for one in {one["name"]: one for one in self.complete()}.values():
            here = self.home / one["name"]
            assert here.is_file(), f"not home: {one}"
            assert digest_bytes(here.read_bytes()) == one["sha256"], f"not as it was written: {one}"


TRAIN = """\
import hashlib, json, os, sys, time
TOLD = "/mnt/told/"
def wanted():
    with open(TOLD + "go") as stream:
        return json.load(stream)
def until(true):
    ends = time.monotonic() + 120
    while not true():
        if time.monotonic() > ends:
            sys.exit("nobody said go")
        time.sleep(0.005)
os.makedirs("ckpt", exist_ok=True)
done = 0
if "--resume" in sys.argv:
    with open("ckpt.done") as stream:
        done = int(stream.read() or 0)
while done < wanted()["last"]:
    until(lambda: wanted()["go"] > done)
    name = "step-%03d.bin" % (done + 1)
    content = os.urandom(30000)
    with open("ckpt/" + name, "wb") as stream:
        stream.write(content[:10000])
        stream.flush()
        until(lambda: wanted()["half"] != done + 1)
        stream.write(content[10000:])
        os.fsync(stream.fileno())
    done += 1
    with open("ckpt.new", "w") as stream:
        stream.write(str(done))
        os.fsync(stream.fileno())
    os.rename("ckpt.new", "ckpt.done")
    with open(TOLD + "complete", "a") as stream:
        stream.write(json.dumps({"name": name, "sha256": hashlib.sha256(content).hexdigest()}) + "\\n")
"""
RECIPE = """\
kind: script
command: [python3, train.py]
resume: [python3, train.py, --resume]
inputs: [train.py]
outputs: [ckpt]
"""
