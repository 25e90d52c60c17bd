"""Pods that go at any moment: no edit older than a round of the keeper is lost, no whole checkpoint, no word untrue."""

import json
import os
import random
import shutil
import signal
import subprocess
import time

import hands
import pytest
from boxes import Boxes, Nursery, Way, shown
from keepsakes import FOLDER, RECIPE, TRAIN, Checkpoints, Edits, tree_of
from soak import SOAK

from dgops.cli import pod_card
from dgops.deploy.events import Failure
from dgops.deploy.result import HostResult
from dgops.errors import DgopsError
from dgops.flows import up, up_job
from dgops.health import contract as contracts
from dgops.hosts import keyring_store, source
from dgops.jobs import early, link
from dgops.pods import access, create, inventory_age, inventory_view, ready
from dgops.pods import inventory as listing
from dgops.pods.runpod import session
from dgops.sandbox.runpod import cloud as clouds
from dgops.settings import load
from dgops.transport import agent, ssh

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a pod's own disk and processes need root")
SCHEDULES = range(200 if SOAK else 20)
STEPS = 8
NAME = "gadget"
GPUS = ("--gpu", "RTX 4090,L40S,RTX A4000", "--env", "cu121", "--key", "key.pub")
MAP = {"name": "api", "host": NAME, "host_path": "/app/api", "repo": "isengard", "local_path": FOLDER}
VARIABLES = {"user__name": "root", "dgops_mode": "fast-test", "persistent_root": "/workspace"}
FAULTS = (
    *[{}] * 4,
    {"no_capacity": 1},
    {"fail_after_create": 1},
    {"errors": 1},
    {"throttled": 1},
    {"stale_port": 1},
    {"zero_gpu": 1},
    {"full_host": 1},
)
NOTHING = dict.fromkeys((name for fault in FAULTS for name in fault), 0)
MOVES = (
    *["edit"] * 6,
    *["breathe"] * 3,
    *["sync"] * 4,
    *["work"] * 4,
    *["evict"] * 3,
    *["leap", "leap", "migrate", "balance"],
    *["stop", "start", "start", "restart", "terminate", "create"],
)
# Hours of the keeper's clock that end a pod, by its TTL, by its ceiling, and since nobody works there.
TTL = 9 * 3600
LEAPS = ({"running": TTL}, {"running": 200 * 3600}, {"idle": 4 * 3600, "running": 0})
PATHS = ("main.py", "tools/run.sh", "made/deep/new.py", "notes.txt", "made/x.py", "tools")
LAST = 40


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
        self.double.cloud.faults.set(NOTHING | self.random.choice(FAULTS))
        move, chance = self.random.choice(MOVES), self.random.random()
        self.story.append((move,))
        getattr(self, f"do_{move}")(chance)
        self.double.cloud.faults.set(NOTHING)
        self.quiet()
        self.judge()

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
        self.judge()

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
        folder = self.box()
        try:
            said = json.loads(done.out)["repos"][f"{NAME}/isengard"]
        except (ValueError, KeyError):
            said = {"outcome": "", "parity": False, "branch": None}
        if folder is not None and folder.is_dir() and "--dry-run" not in words:
            now = tree_of(folder)
            if said["parity"] and done.code == 0:
                here = {path: self.show("HEAD", path) for path in self.edits.paths("HEAD") if path}
                assert now == here, (said, now, here)
                self.edits.came_home(time.monotonic(), now)
            elif self.edits.agreed is not None and self.edits.shots:
                # What a push brought is no edit of the pod's.
                self.edits.shots[-1] = (self.edits.shots[-1][0], now)
        if said["branch"] and self.random.random() < 0.7:
            self.merge(said["branch"])
        return done

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
        working.kill()
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

    def judge(self):
        """Hold what is said against what is, and look for everything that must not be lost."""
        self.edits.check()
        self.checkpoints.check()
        done = self.dgops("pod", "list", "--json")
        assert done.code == 0, self.story
        listed = {one["id"]: one for one in json.loads(done.out)["pods"]}
        assert set(listed) == set(self.double.cloud.pods), self.story
        for pod_id, pod in self.double.cloud.pods.items():
            assert listed[pod_id]["state"] == self.truth(pod), (pod, listed[pod_id])
        self.judge_jobs()

    def judge_bill(self):
        done = self.dgops("pod", "reconcile", "--json")
        found = json.loads(done.out)
        known = {one["id"] for kind in ("known", "adopted", "moved") for one in found[kind]}
        assert (done.code, found["strangers"]) == (0, []), done.out
        assert set(self.double.cloud.ledger()["billing"]) <= known, self.story

    def truth(self, pod):
        if pod.status == "EXITED" and pod.bid and pod.id not in self.by_us:
            return "outbid"
        if pod.status == "RUNNING" and not pod.gpus:
            return "no GPU"
        return {"EXITED": "stopped", "RUNNING": "running"}[pod.status]

    def judge_jobs(self):
        if not self.goal:
            return
        # Between two looks a job may begin or end: what stays untrue is a lie.
        self.until(self.jobs_are_as_told, "a job is not as it is told", 30)

    def jobs_are_as_told(self):
        told = json.loads(self.dgops("jobs", "list", "--json").out or "[]")
        alive, done = self.alive(), len(self.checkpoints.complete()) >= LAST
        right = {"running": alive, "queued": alive, "lost": not alive, "succeeded": done}
        return all(right.get(one["status"], False) for one in told)

    def finish(self):
        """Everything comes home, and nothing is billed."""
        self.judge_bill()
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


def deployed(wish, settings, _watcher):
    """Stand in for Ansible, which would change this machine: home's contract is written, and the pod's copy."""
    found = {}
    for host in wish.hosts:
        contract = contracts.read(settings.state, host.name)
        try:
            transport = ssh.open_ssh(host, settings)
            try:
                agent.call(transport, "marker", {"contract": contracts.to_json(contract)})
            finally:
                transport.close()
            found[host.name] = HostResult(host.name, "unchanged", 0.0)
        except DgopsError as error:
            found[host.name] = HostResult(host.name, "unreachable", 0.0, failure=Failure("", "look", error.message, ""))
    return found


def told(folder, settings):
    """Answer as the script of the inventory does, in this process."""
    answer = listing.listed(settings, inventory_view.look(settings))
    for known in answer["_meta"]["hostvars"].values():
        known.update(VARIABLES)
    return source._listing(folder, answer)


@pytest.fixture(scope="module")
def nursery(tmp_path_factory):
    made = Nursery(tmp_path_factory.mktemp("nursery"))
    yield made
    made.close()


@pytest.fixture
def world(double, nursery, tmp_path, monkeypatch, request):
    machines, boxes = double.cloud.machines, Boxes(nursery, tmp_path)
    double.cloud.machines = boxes
    for room, name, value in (
        (ready, "PAUSE", 0.02),
        (create, "PAUSE", 0.01),
        (pod_card, "LOG_SECONDS", 1.0),
        (session, "NOBODY", 0.2),
        (clouds, "STOP_SECONDS", 0.01),
        (inventory_age, "LIFE", 0.2),
        (inventory_age, "SOON", 0.03),
        (early, "PAUSE", 0.1),
        (up_job, "PATIENCE", 0.5),
        (up_job, "PAUSE", 0.05),
        (link, "PATIENCE", 0.5),
        (link, "FIRST_PAUSE", 0.05),
        (up, "deploy", deployed),
        (source, "read", told),
        (access, "scan", shown),
        (ssh, "open_ssh", Way),
        # Every command would start a process that asks the keyring.
        (keyring_store, "read", lambda _names: {}),
    ):
        monkeypatch.setattr(room, name, value)
    for name, value in (("RUNPOD_URL", double.url), ("STATE", str(tmp_path / "state")), ("MODE", "fast-test")):
        monkeypatch.setenv(f"DGOPS_{name}", value)
    monkeypatch.setenv("RUNPOD_API_KEY", double.server.key)
    rows = "".join(f'{key} = "{text}"\n' for key, text in MAP.items())
    (tmp_path / "dgops.toml").write_text(f"[[sync.map]]\n{rows}[pods]\nidle_minutes = 180\n")
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA me\n")
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "train.yml").write_text(RECIPE)
    (tmp_path / "inventories/runpod").mkdir(parents=True)
    (tmp_path / "inventories/runpod/hosts.py").write_text("")
    contracts.save(contracts.Contract(NAME, (), {}, "fast-test", "a1", "now", "me", "/workspace", ""), load().state)
    made = World(double, boxes, tmp_path, request.param)
    yield made
    print(*made.story, sep="\n")
    for pod_id in list(boxes.firsts):
        boxes.stop(pod_id, 0)
    double.cloud.machines = machines
    shutil.rmtree(tmp_path / "disks", ignore_errors=True)


@pytest.mark.parametrize("world", SCHEDULES, indirect=True)
def test_nothing_is_lost(world):
    world.do_create(1.0)
    world.quiet()
    world.sync("--from", "local")
    for _ in range(STEPS):
        world.step()
    world.night(1.0)
    world.finish()
