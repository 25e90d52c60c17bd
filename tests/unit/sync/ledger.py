"""What a script did to both sides, and what must be true of them: nothing is lost, and parity is no lie."""

import io
import os
import shutil
import subprocess
import unicodedata
from pathlib import Path

from deadly import Cut, Fragile, killed
from edits import clear, edit, listing, meaning
from world import PATHS, World

from dgops.git.entry import LINK, blob_id
from dgops.git.spelling import fold
from dgops.sync import run
from dgops.sync.names import under
from dgops.sync.scene import Wish

API = PATHS["api"]
# What a person writes to .gitattributes at home; a host may not.
ATTRIBUTES = {
    "none": "",
    "auto": "* text=auto\n",
    "windows": "* text=auto eol=crlf\n",
    "some": "*.py text eol=crlf\n*.txt -text\nd/** text=auto eol=lf\n",
    "filter": "*.py filter=trim\n*.txt text eol=crlf\n",
}
SEEN = ("parity", "pulled", "pushed", "merged", "conflict")


class Ledger(World):
    """A world with an account of every version that a sync saw or a commit held."""

    def __init__(self, root):
        super().__init__(root)
        self.known = super().settings
        self.maps = super().shared
        self.git("config", "core.fsync", "none")
        self.git("config", "filter.trim.clean", "LC_ALL=C sed -e 's/[ \t]*$//'")
        self.git("config", "filter.trim.smudge", "cat")
        self.meanings = {}
        self.home(".gitignore", "*.log\n")
        self.filled().keep()

    @property
    def shared(self):
        return self.maps

    @property
    def settings(self):
        return self.known

    @property
    def api(self):
        return self.there / "app" / API

    def begin(self, meant=False):
        """Start anew from a filled replica; `meant` where attributes may change what bytes a version has."""
        self.again()
        self.meant = meant
        self.old_disk = self.template / "pod"
        self.commits, self.versions = {self.head}, set()
        self.loose = self.torn = self.fresh = self.replaced = False
        self.tokens = 0

    def edit(self, side, what, path, number):
        self.tokens += 1
        root = self.api if side == "host" else self.repo / API
        root.mkdir(parents=True, exist_ok=True)
        edit(root, what, path, number, f"{side} {self.tokens}\n")
        self.loose = self.loose or side != "host"
        if side == "home":
            self.commit_all()

    def commit_all(self):
        self.git("add", "-A")
        self.git("commit", "-qm", "home", "--allow-empty")
        self.commits.add(self.head)
        self.loose = self.torn = False

    def meet(self, fate):
        """What happens to a host, or is done at home, beside edits."""
        if fate in ("restart", "empty", "older"):
            kept = self.root / "kept"
            shutil.copytree(self.there, kept, symlinks=True)
            shutil.rmtree(self.there)
            if fate == "older":
                shutil.copytree(self.old_disk, self.there, symlinks=True)
            else:
                self.there.mkdir()
            if fate == "restart":
                for path in ("f0.py", "f1.py", "d/image only"):
                    self.host(f"{API}/{path}", f"the image's {path}\n")
            self.old_disk = self.root / f"disk{self.tokens}"
            kept.rename(self.old_disk)
            self.fresh = True
            self.replaced = fate != "older"
        elif fate == "forget":
            shutil.rmtree(self.settings.state / "sync", ignore_errors=True)
            self.fresh = True
        elif fate == "commit":
            self.commit_all()
        elif fate in ATTRIBUTES:
            self.write(self.repo, ".gitattributes", ATTRIBUTES[fate])
            # As git's manual has it; without it git itself calls files changed that nobody touched.
            self.git("add", "-A")
            self.git("add", "--renormalize", ".")
            self.commit_all()
        elif fate == "merge" and self.branches:
            self.commit_all()
            self.git("merge", "-s", "ours", "--no-edit", self.branches[-1])
            self.commits.add(self.head)

    def sync_how(self, how, number, allow):
        """Sync in one of the ways in which it may go, and hold what is there now against what was."""
        wish = {"allow_deletes": allow, "source": {"fill": "local", "take": "host"}.get(how, "")}
        if how in ("dry", "status"):
            return self.only_look(dry_run=how == "dry", status=how == "status")
        before = {side: listing(folder, self.meant) for side, folder in self.sides().items()}
        if how == "kill":
            if killed(self, number, **wish):
                self.torn = True
            result = None
        else:
            result = run.sync(self.shared, self.way(how, number), self.settings, Wish(**wish), self.said.append)
        self.nothing_is_lost(before)
        if result:
            assert not (self.replaced and not wish["source"] and (result.changes or result.pushed)), result
            self.note(result, before["host"])
        # Filled, or taken up where it was equal, it may be a known one now, whatever became of the answer.
        self.replaced = self.replaced and how == "plain"
        return result

    def way(self, how, number):
        if how == "agent":
            return Fragile(self.transport, number)
        return Cut(self.transport, number % 6, after=number % 2 > 0) if how == "cut" else self.transport

    def sides(self):
        return {"host": self.there / "app", "home": self.repo}

    def only_look(self, **wish):
        kept = self.git("for-each-ref"), {side: listing(folder) for side, folder in self.sides().items()}
        result = run.sync(self.shared, self.transport, self.settings, Wish(**wish), self.said.append)
        assert kept == (self.git("for-each-ref"), {side: listing(folder) for side, folder in self.sides().items()})
        return result

    def nothing_is_lost(self, before):
        """Every version of a moment ago is somewhere; what a sync saw or a commit held is in a commit for good."""
        reachable = self.reachable()
        now = {one for folder in self.sides().values() for _, one in listing(folder, self.meant).values()}
        for side, entries in before.items():
            lost = {path for path, (_, one) in entries.items() if one not in reachable | now}
            assert not lost, (side, lost)
        assert self.commits <= reachable
        assert self.versions <= reachable

    def reachable(self):
        """Return the ids of all that a ref holds, and of what their bytes mean."""
        ids = {one[:40] for one in self.git("rev-list", "--objects", "--all").split("\n")}
        if not self.meant:
            return ids
        fresh = sorted(ids - self.meanings.keys())
        stream = io.BytesIO(self.git_bytes("cat-file", "--batch", stdin="\n".join(fresh).encode()) if fresh else b"")
        for one in fresh:
            _, kind, size = stream.readline().split()
            content = stream.read(int(size) + 1)[:-1]
            self.meanings[one] = blob_id(meaning(content)) if kind == b"blob" else one
        return ids | {self.meanings[one] for one in ids}

    def git_bytes(self, *arguments, stdin=b""):
        done = subprocess.run(["git", "-C", self.repo, *arguments], capture_output=True, input=stdin, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def as_git_has_it(self, path, entry, wanted):
        """Return an entry of the host with the id that git gives it there, where its bytes are other ones."""
        mode, one = entry
        if not self.meant or mode == LINK or wanted is None or wanted[1] == one:
            return entry
        content = (self.there / "app" / path).read_bytes()
        return mode, self.git_bytes("hash-object", "--stdin", "--path", path, stdin=content).decode().strip()

    def note(self, result, host):
        """Believe a result only where it is true, and hold it to what it saw."""
        left_out = {one.path: one.reason for one in result.skipped}
        home = self.projected()
        for path, reason in left_out.items():
            assert self.is_strange(path, host, home), (path, reason)
        if result.outcome == "fresh":
            assert self.fresh, result.error
        if (result.outcome in SEEN and result.error is None) or (result.outcome == "conflict" and not self.fresh):
            counted = {path: one for path, one in host.items() if self.counts(path, home)}
            self.versions |= {one for path, (_, one) in counted.items() if not under(path, left_out)}
        if result.commit:
            self.commits.add(result.commit)
        if not result.parity:
            return
        there = {
            path: self.as_git_has_it(path, one, home.get(path))
            for path, one in listing(self.there / "app").items()
            if self.counts(path, home)
        }
        assert {path: one for path, one in there.items() if not under(path, left_out)} == {
            path: one for path, one in home.items() if not under(path, left_out)
        }
        assert not [path for path in home if under(path, left_out) and not is_odd(path)]
        if not self.loose and not self.torn:
            assert self.git("status", "--porcelain") == ""
        if result.error is None:
            self.fresh = self.replaced = False

    def counts(self, path, home):
        """Whether a path of the host is one that a sync is about."""
        mapped = any(path.startswith(f"{folder}/") for folder in PATHS.values())
        return mapped and (not path.endswith(".log") or path in home)

    def projected(self):
        """Return the mapped folders of the last commit."""
        rows = self.git("ls-tree", "-r", "-z", "HEAD", "--", *PATHS.values()).split("\0")
        pairs = (row.partition("\t") for row in rows if row)
        return {path: tuple(head.split(" ")[::2]) for head, _, path in pairs}

    def is_strange(self, path, *trees):
        """Whether there is a reason to leave a path out: its name, another of the same name, a link, a full folder."""
        others = {prefix for tree in trees for one in tree for prefix in prefixes(one)}
        twins = {other for other in others if fold(other) in {fold(one) for one in prefixes(path)}} - prefixes(path)
        links = any(leads_out(self.there / "app" / one, API) for one in prefixes(path))
        return is_odd(path) or bool(twins) or links or path in others - set(trees[0])

    def both_equal(self):
        """Take away what no sync would take, then sync until both sides are equal; fails where that never comes."""
        self.commit_all()
        host, home = listing(self.there / "app"), self.projected()
        for path in host:
            if leads_out(self.there / "app" / path, API) or (path not in home and self.is_strange(path, host, home)):
                clear(self.there / "app", path)
        for _ in range(5):
            result = self.sync_how("plain", 0, allow=True)
            if result.outcome == "fresh":
                result = self.sync_how("fill", 0, allow=True)
            if result.parity:
                assert not self.git("fsck", "--strict", "--no-dangling")
                return
            self.meet("merge")
        raise AssertionError(result)


def prefixes(path):
    parts = path.split("/")
    return {"/".join(parts[:count]) for count in range(1, len(parts) + 1)}


def is_odd(path):
    return any(unicodedata.category(letter) == "Cc" for letter in path) or "\\" in path


def leads_out(place, top):
    if not place.is_symlink():
        return False
    target = os.readlink(place)
    inside = Path(os.path.normpath(place.parent / target)).is_relative_to(str(place).partition(top)[0] + top)
    return target.startswith("/") or not inside or ".." in target.lstrip("./").split("/")
