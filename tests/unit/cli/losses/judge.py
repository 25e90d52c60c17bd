"""Holds what is said of pods, jobs and folders against what is."""

import json

from keepsakes import blob_id, tree_of

NAME = "gadget"
# What a pod's environment carries where it has a limit of time, of which each pod here has one.
LIMITS = ("DGOPS_TTL", "DGOPS_IDLE")


class Judge:
    """Asks as a person would, and knows the answer."""

    def __init__(self, world, last):
        self.world, self.last = world, last

    def all(self):
        """Hold what is said against what is, and look for everything that must not be lost."""
        self.world.edits.check()
        self.world.checkpoints.check()
        self.pods()
        self.keeper()
        self.jobs()
        self.folder()

    def pods(self):
        world = self.world
        done = world.dgops("pod", "list", "--json")
        assert done.code == 0, world.story
        listed = {one["id"]: one for one in json.loads(done.out)["pods"]}
        assert set(listed) == set(world.double.cloud.pods), world.story
        for pod_id, pod in world.double.cloud.pods.items():
            assert listed[pod_id]["state"] == self.truth(pod), (pod, listed[pod_id])
        if world.pod() and world.random.random() < 0.5:
            self.card(world.pod())

    def card(self, pod):
        done = self.world.dgops("pod", "show", NAME, "--json")
        assert done.code == 0, self.world.story
        said = json.loads(done.out)
        assert (said["pod"]["id"], said["pod"]["state"]) == (pod.id, self.truth(pod)), (said, pod)
        if pod.id in self.world.boxes.firsts:
            key = self.world.boxes.log(pod.id)[0][1].split()[1]
            assert said["host_keys"] == {"ED25519": key}, (said, pod)

    def keeper(self):
        """Whatever was cut off, after a look the pod's limits are kept."""
        pod = self.world.pod()
        if pod and pod.id in self.world.boxes.firsts and any(pod.body["env"].get(name) for name in LIMITS):
            self.world.until(self.world.kept, lambda: f"nobody keeps its limits: {self.world.words()}")

    def truth(self, pod):
        if pod.status == "EXITED" and pod.bid and pod.id not in self.world.by_us:
            return "outbid"
        if pod.status == "RUNNING" and not pod.gpus:
            return "no GPU"
        return {"EXITED": "stopped", "RUNNING": "running"}[pod.status]

    def jobs(self):
        if self.world.goal:
            # Between two looks a job may begin or end: what stays untrue is a lie.
            self.world.until(self.jobs_are_as_told, "a job is not as it is told", 30)

    def jobs_are_as_told(self):
        told = json.loads(self.world.dgops("jobs", "list", "--json").out or "[]")
        alive, done = self.world.alive(), len(self.world.checkpoints.complete()) >= self.last
        right = {"running": alive, "queued": alive, "lost": not alive, "succeeded": done}
        return all(right.get(one["status"], False) for one in told)

    def folder(self):
        if self.world.pod() and self.world.random.random() < 0.5:
            # The agent of a command that was killed may write for a moment yet.
            self.world.until(self.folder_is_as_told, lambda: f"no truth: {self.said} {self.world.story[-1]}", 30)

    def folder_is_as_told(self):
        """Whether both sides are said to be equal just where they are, and else what differs."""
        world, folder = self.world, self.world.box()
        done = world.dgops("sync", "--host", NAME, "--status", "--json")
        self.said = json.loads(done.out or "{}").get("repos", {}).get(f"{NAME}/isengard")
        if folder is None:
            return done.code in (2, 3) and not (self.said and self.said["parity"])
        now = {path: blob_id(content) for path, content in tree_of(folder).items()} if folder.is_dir() else {}
        here = world.edits.ids("HEAD")
        state = self.said["states"].get("api", "") if self.said else ""
        if state.startswith("fresh") or not state:
            return not (self.said and self.said["parity"]) and done.code != 0
        differ = [path for path in {*now, *here} if now.get(path) != here.get(path)]
        counted = [int(words.split()[0]) for words in state.split(", ") if words != "parity"]
        return self.said["parity"] == (state == "parity") == (not differ) and sum(counted) == len(differ)

    def bill(self):
        done = self.world.dgops("pod", "reconcile", "--json")
        found = json.loads(done.out)
        known = {one["id"] for kind in ("known", "adopted", "moved") for one in found[kind]}
        assert (done.code, found["strangers"]) == (0, []), done.out
        assert set(self.world.double.cloud.ledger()["billing"]) <= known, self.world.story
