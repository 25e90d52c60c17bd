"""A person, a repository, a training and the double, and what the moves of a schedule do to them."""

import json
import os
import random
import signal
import subprocess
import time

import hands
from chances import FAULTS, NOTHING
from judge import NAME, Judge
from keepsakes import FOLDER, Checkpoints, Edits, blob_id, tree_of

GPUS = ("--gpu", "RTX 4090,L40S,RTX A4000", "--env", "cu121", "--key", "key.pub")
MOVES = (
    *["edit"] * 6,
    *["breathe"] * 3,
    *["sync"] * 4,
    *["race"] * 2,
    *["home"] * 3,
    *["work"] * 4,
    *["evict"] * 3,
    *["leap", "leap", "migrate", "balance"],
    *["stop", "start", "start", "restart", "terminate", "create", "console"],
)
# Hours of the keeper's clock that end a pod, by its TTL, by its ceiling, and since nobody works there.
TTL = 9 * 3600
LEAPS = ({"running": TTL}, {"running": 200 * 3600}, {"idle": 4 * 3600, "running": 0})
PATHS = ("main.py", "tools/run.sh", "made/deep/new.py", "notes.txt", "made/x.py", "tools")
LAST = 40
# No sync takes longer, on a machine that has nothing else to do.
RACE = 0.6


class World:
    """A person, a repository, a training and the double, and what must be true whatever happened."""

    def __init__(self, double, boxes, root, seed):
        self.double, self.boxes, self.root, self.seed = double, boxes, root, seed
        self.random, self.story, self.count = random.Random(seed), [], 0
        self.by_us, self.running = set(), None
        self.home = root / "isengard"
        self.edits = Edits(self.home, boxes.folder / "volumes")
        self.checkpoints = Checkpoints(boxes.told, boxes.folder / "volumes", root / "ckpt")
        self.goal, self.token = 0, 0
        self.judge = Judge(self, LAST)
        self.go(0)
        self.volume = (
            "--volume",
            double.cloud.create_volume({"name": "models", "size": 10, "dataCenter": "US-KS-2"})["id"],
        )
        # So many that a few deletions are no loss that somebody has to confirm.
        for path in ("main.py", "notes.txt", "tools/run.sh", *(f"other{number}.py" for number in range(40))):
            (self.home / FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
            (self.home / FOLDER / path).write_text(f"{path}\n")
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Ann")
        self.git("config", "user.email", "ann@example.org")
        self.commit()

    def git(self, *words, good=True):
        return self.edits.git(*words, good=good)

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-qm", "home")

    def go(self, steps, half=0, last=LAST):
        """Let the training write so many checkpoints more, and halt in the middle of one."""
        self.goal += steps
        new = self.boxes.told / "go.new"
        new.write_text(json.dumps({"go": self.goal, "half": half, "last": last}))
        new.rename(self.boxes.told / "go")

    def begin(self, *words, blow=None):
        self.count += 1
        self.story.append(
            (*words[:3], blow, {key: left for key, left in self.double.cloud.faults.view().items() if left})
        )
        return hands.start(self.root / "commands" / str(self.count), words, blow)

    def dgops(self, *words, blow=None):
        done = self.begin(*words, blow=blow).wait()
        self.story.append((done.code, done.err.strip()[-400:]))
        assert done.code in (0, 1, 2, 3, 130, -signal.SIGKILL), self.story
        return done

    def pod(self):
        """Return the pod of that name, None where there is none."""
        return next((pod for pod in self.double.cloud.pods.values() if pod.body["name"] == f"dgops-{NAME}"), None)

    def box(self):
        """Return the mapped folder on the pod that runs, None where there is none."""
        pod = self.pod()
        if pod is None or pod.id not in self.boxes.firsts:
            return None
        return self.boxes.root(pod.id) / "app/api"

    def step(self):
        self.double.cloud.faults.set(NOTHING | self.random.choice(({}, {}, *FAULTS)))
        move, chance = self.random.choice(MOVES), self.random.random()
        self.story.append((move,))
        getattr(self, f"do_{move}")(chance)
        self.double.cloud.faults.set(NOTHING)
        self.quiet()
        self.judge.all()

    def blow(self, chance, calls):
        """Return what ends a command in a third of all cases."""
        if chance > 0.35:
            return None
        number = self.random.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGINT))
        return hands.Blow(self.random.randrange(calls), self.random.random() < 0.5, number)

    def do_edit(self, chance):
        folder = self.box()
        if folder is None or not folder.is_dir() or self.edits.agreed is None:
            return
        for _ in range(1 + int(chance * 3)):
            self.edit(folder)
            self.edits.shot(time.monotonic(), tree_of(folder))

    def night(self, chance):
        """Lose a pod with edits that only its spool has, whatever came before."""
        if self.edits.agreed is None:
            self.do_start(1.0)
            self.quiet()
            self.sync(*(("--from-spool",) if self.edits.owed else ("--from", "local")))
        if self.box() is None or self.edits.agreed is None:
            return
        self.do_edit(1.0)
        self.do_breathe(chance)
        self.do_evict(chance)
        self.quiet()
        self.judge.all()

    def edit(self, folder):
        self.token += 1
        there = sorted(tree_of(folder))
        one, path = self.random.choice(there or PATHS[:1]), self.random.choice(PATHS)
        what = self.random.choice(("write", "write", "write", "delete", "rename"))
        self.story.append((what, one, path))
        place = folder / path
        clear = place.is_dir() or any((folder / path.rpartition("/")[0]).is_file() for _ in (0,))
        if what == "delete" and there:
            (folder / one).unlink()
        elif clear:
            return
        elif what == "rename" and there and one != path:
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder / one, place)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(f"edit {self.token}\n")

    def do_breathe(self, _chance):
        """Let the keeper look at all that was edited until now."""
        pod, folder = self.pod(), self.box()
        if folder is None or self.edits.agreed is None:
            return
        began = time.monotonic()
        self.until(lambda: any(when >= began for when in self.rounds(pod.id)), "the keeper makes no round")

    def kept(self):
        """Return whether a keeper has looked since the pod started: nobody may have got in since to set one."""
        return any(when > self.running[2] for when in self.rounds(self.running[0]))

    def rounds(self, pod_id):
        """Return when each whole look of a pod's keeper began."""
        try:
            lines = (self.boxes.told / "rounds").read_text().splitlines()
        except FileNotFoundError:
            return []
        found = [one for one in map(json.loads, lines) if one["pod"] == pod_id]
        assert not [one for one in found if one["troubles"]], found
        return [one["began"] for one in found]

    def do_sync(self, chance):
        words = self.random.choice((("--from-spool",), (), (), ("--dry-run",)))
        if self.edits.agreed is None and not self.edits.owed:
            words = ("--from", "local")
        elif self.edits.agreed is None and words == ():
            words = ("--from-spool",)
        self.sync(*words, blow=self.blow(chance, 14))

    def sync(self, *words, blow=None):
        """Sync, and hold what is said of it against both sides."""
        done = self.dgops("sync", "--host", NAME, "--allow-deletes", "--json", *words, blow=blow)
        if "--dry-run" not in words:
            self.synced(done)
        return done

    def synced(self, done, raced=None):
        """Hold what a sync says against both sides; `raced` is the path of an edit that landed meanwhile."""
        folder = self.box()
        try:
            said = json.loads(done.out)["repos"][f"{NAME}/isengard"]
        except (ValueError, KeyError):
            said = {"outcome": "", "parity": False, "branch": None}
        if folder is not None and folder.is_dir():
            now = tree_of(folder)
            if said["parity"] and done.code == 0:
                here = self.edits.ids("HEAD")
                differ = {path for path in {*now, *here} if blob_of(now, path) != here.get(path)}
                assert differ <= {raced}, (said, now, here)
                self.edits.came_home(time.monotonic(), now if not differ else self.without(now, raced, here))
                if differ:
                    self.edits.shot(time.monotonic(), now)
            elif self.edits.agreed is not None and self.edits.shots:
                # What a push brought is no edit of the pod's.
                self.edits.shots[-1] = (self.edits.shots[-1][0], now)
            if said["outcome"] == "conflict" and not raced:
                there = self.edits.reachable()
                assert said["branch"], said
                assert {blob_id(content) for content in now.values()} <= there, (said, now)
        if said["branch"] and self.random.random() < 0.7:
            self.merge(said["branch"])

    def without(self, now, path, here):
        """Return a tree as it was agreed on, before an edit of one path landed."""
        before = {one: content for one, content in now.items() if one != path}
        return {**before, path: self.show("HEAD", path)} if path in here else before

    def do_race(self, _chance):
        """An edit lands while a sync runs: it comes home now or the next time, and nothing is written over it."""
        folder = self.box()
        if folder is None or not folder.is_dir() or self.edits.agreed is None:
            return
        path = self.random.choice(("main.py", "other1.py", "notes.txt"))
        syncing = self.begin("sync", "--host", NAME, "--allow-deletes", "--json")
        time.sleep(self.random.random() * RACE)
        content = self.write(folder, path)
        self.edits.shot(time.monotonic(), tree_of(folder))
        syncing.wait()
        self.story.append(("raced", path, content, syncing.code, syncing.err.strip()[-400:]))
        there = tree_of(folder).get(path)
        assert there == content or blob_id(content) in self.edits.reachable(), (f"lost: {path}", there)
        self.synced(syncing, path)

    def do_home(self, chance):
        """Somebody edits at home, half of the time the very lines that are edited on the pod."""
        path = self.random.choice(("main.py", "notes.txt", "other0.py", "other2.py"))
        self.story.append(("home", path))
        self.edits.safe.add(blob_id(self.write(self.home / FOLDER, path)))
        self.commit()
        folder = self.box()
        if chance < 0.5 and folder is not None and folder.is_dir() and self.edits.agreed is not None:
            self.write(folder, path)
            self.edits.shot(time.monotonic(), tree_of(folder))
            if chance < 0.3:
                self.sync()

    def write(self, folder, path):
        self.token += 1
        content = f"edit {self.token}\n".encode()
        (folder / path).write_bytes(content)
        return content

    def show(self, tip, path):
        done = subprocess.run(
            ["git", "-C", self.home, "show", f"{tip}:{FOLDER}/{path}"], capture_output=True, timeout=60, check=True
        )
        return done.stdout

    def merge(self, branch):
        self.story.append(("merge", branch))
        self.git("merge", "-q", "-s", "ours", "--no-edit", branch)

    def do_evict(self, _chance):
        pod = self.pod()
        if pod and pod.is_billed:
            self.double.cloud.stop(pod.id, 0.05)
            self.by_us.discard(pod.id)

    def do_leap(self, chance):
        """Let hours pass at once: the pod's own guard spools and stops it, unless a job keeps it from being idle."""
        pod = self.pod()
        if self.box() is None or not pod.body["env"].get("DGOPS_TTL") or not self.kept():
            return
        ahead = LEAPS[int(chance * 3)]
        if ahead.get("idle") and self.alive():
            return
        before = time.monotonic()
        (self.boxes.told / "leap").write_text(json.dumps(ahead))
        self.until(
            lambda: self.double.cloud.pods[pod.id].status == "EXITED", lambda: f"no stop by {ahead}: {self.words()}"
        )
        self.until(lambda: pod.id not in self.boxes.firsts, "the pod does not end")
        (self.boxes.told / "leap").unlink()
        assert any(when >= before for when in self.rounds(pod.id)), "it was stopped and its edits not looked at"
        if ahead["running"] > TTL:
            # It would stop at once for ever: its next one has the same volume.
            self.double.cloud.faults.set(NOTHING)
            self.dgops("pod", "terminate", NAME)

    def words(self):
        """Return what the pod's keeper says of itself, for whoever reads why something failed."""
        root = self.boxes.root(self.pod().id)
        return [note.read_text() for note in (*root.glob("run/dgops/spend.*"), *self.boxes.told.glob("broken"))]

    def do_migrate(self, _chance):
        if self.pod():
            self.double.cloud.migrate(self.pod().id)

    def do_balance(self, _chance):
        self.double.cloud.set_balance(0.0)
        self.double.cloud.balance = 100.0

    def do_create(self, chance):
        spot = ("--spot",) if self.random.random() < 0.5 else ()
        limits = ("--ttl", "8h", "--max-cost", "50")
        words = ("pod", "create", NAME, *GPUS, *self.volume, *limits, *spot, "--wait", "3")
        self.dgops(*words, blow=self.blow(chance, 8))

    def do_start(self, chance):
        if self.pod() is None:
            return self.do_create(chance)
        pod = self.pod()
        self.dgops("pod", "start", NAME, "--wait", "3", blow=self.blow(chance, 4))
        if pod.id in self.double.cloud.pods and self.double.cloud.pods[pod.id].status != "EXITED":
            self.by_us.discard(pod.id)
        return None

    def do_console(self, _chance):
        """Somebody starts a pod in the provider's console: whoever stops it next is told as what it is."""
        pod = self.pod()
        if pod and pod.status == "EXITED":
            # Of what keeps us out now a look can only tell: a pod that nobody can get into has no keeper.
            self.double.cloud.faults.set(NOTHING)
            self.double.cloud.act(pod.id, "start")
            self.by_us.discard(pod.id)

    def do_stop(self, chance):
        pod = self.pod()
        self.dgops("pod", "stop", NAME, blow=self.blow(chance, 8))
        self.stopped(pod)

    def stopped(self, before):
        """Note whether a pod that ran was stopped from here."""
        now = self.pod()
        if before and now and before.id == now.id and (before.status, now.status) != ("EXITED", "EXITED"):
            self.by_us |= {now.id} if now.status == "EXITED" else set()

    def do_restart(self, chance):
        self.dgops("pod", "restart", NAME, "--wait", "3", blow=self.blow(chance, 8))

    def do_terminate(self, chance):
        self.dgops("pod", "terminate", NAME, blow=self.blow(chance, 8))

    def do_work(self, chance):
        """Let `dgops up` work until there are checkpoints more; then it, or its pod, is ended."""
        before = len(self.checkpoints.complete())
        steps = 2 if chance < 0.5 else 1 + int(chance * 2)
        self.go(steps, half=self.goal + steps if chance < 0.5 else 0)
        working = self.begin("up", NAME, "--recipe", "train.yml", *GPUS, *self.volume)
        wanted = before + steps - (1 if chance < 0.5 else 0)
        self.until(
            lambda: len(self.checkpoints.complete()) >= wanted or working.ended() is not None,
            lambda: f"no checkpoint: {working.out} {working.err}",
        )
        if chance > 0.7 and working.ended() is None and self.pod() and self.pod().is_billed:
            self.double.cloud.stop(self.pod().id, 0.05)
            self.settle_losses()
            self.go(1)
            wanted = len(self.checkpoints.complete()) + 1
            self.until(
                lambda: len(self.checkpoints.complete()) >= wanted or working.ended() is not None,
                lambda: f"no checkpoint after a loss: {working.out} {working.err}",
            )
        # Who follows may let go at any moment: soon, and with a word that the work goes on.
        working.kill(signal.SIGINT if chance < 0.25 else signal.SIGKILL)
        assert working.code in (0, 1, 3, 130, -signal.SIGKILL), (working.code, working.err)
        self.story.append((working.code, working.err.strip()[-600:]))
        self.adopt()

    def adopt(self):
        """Take what `up` synced for what it is: what lies there and what home has are told apart by looking."""
        folder = self.box()
        if folder is not None and folder.is_dir() and self.edits.agreed is None:
            self.sync()

    def alive(self):
        """Return whether a job's process lives on the pod."""
        pod = self.pod()
        if pod is None or pod.id not in self.boxes.firsts:
            return False
        for place in (self.boxes.root(pod.id) / "proc").glob("[0-9]*/environ"):
            try:
                if b"DGOPS_JOB_ID=" in place.read_bytes():
                    return True
            except OSError:
                continue
        return False

    def until(self, true, what, seconds=40):
        ends = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < ends, what() if callable(what) else what
            time.sleep(0.005)

    def quiet(self):
        """Let what is under way come to its end."""
        for pod in list(self.double.cloud.pods.values()):
            if pod.status in ("PROVISIONING", "STARTING"):
                self.double.settle(pod.id)
        self.by_us &= {pod.id for pod in self.double.cloud.pods.values() if pod.status == "EXITED"}
        self.settle_losses()

    def settle_losses(self):
        """Where the pod that was edited runs no more, say what it owes."""
        where = self.boxes.firsts.get(self.pod().id) if self.pod() else None
        if self.running and where != self.running[1]:
            self.edits.lost([when for when in self.rounds(self.running[0]) if when > self.running[2]])
            self.running = None
        if where and not self.running:
            self.running = (self.pod().id, where, time.monotonic())

    def finish(self):
        """Everything comes home, and nothing is billed."""
        self.judge.bill()
        self.go(1000, last=len(self.checkpoints.complete()) + 1)
        for _ in range(8):
            done = self.begin("up", NAME, "--recipe", "train.yml", *GPUS, *self.volume).wait()
            self.story.append((done.code, done.err[-600:]))
            if done.code == 0:
                break
            self.sync("--from-spool")
            for branch in self.git("for-each-ref", "--format=%(refname:short)", "refs/heads/sync").split():
                self.merge(branch)
        assert done.code == 0, (done.out, done.err)
        self.settle_losses()
        assert self.edits.check() == [], self.story
        self.checkpoints.all_home()
        assert self.double.cloud.ledger()["billing"] == []
        assert self.dgops("pod", "terminate", NAME).code == 0, self.story
        assert self.double.cloud.pods == {}
        assert json.loads(self.dgops("pod", "list", "--json").out)["pods"] == []


def blob_of(tree, path):
    return blob_id(tree[path]) if path in tree else None
