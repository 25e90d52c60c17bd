"""The state of the double: pods, volumes, balance and ledger, and what may happen to each of them when."""

from __future__ import annotations

import hmac
import secrets
import string
import threading
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError
from dgops.files import write_json
from dgops.sandbox.runpod import catalog, placing
from dgops.sandbox.runpod.faults import Faults
from dgops.sandbox.runpod.pods import ACTIONS, RentedPod
from dgops.sandbox.runpod.refusal import RefusalError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dgops.sandbox.runpod.machines import Machines

# Between SIGTERM and SIGKILL, when the provider takes a pod back and when its owner stops it.
EVICT_SECONDS, STOP_SECONDS = 5.0, 1.0
# Where a pod finds itself after a migration; and when an sshd comes up that never does.
ELSEWHERE, NEVER = "127.0.0.2", 86400.0
WENT_WRONG = "Something went wrong. Please try again later or contact support."
FULL_HOST = "There are not enough free GPUs on the host machine to start this pod."


class Cloud:
    """Everything that is rented here; each change is written down before its answer goes out."""

    def __init__(self, machines: Machines, file: Path, clock: Callable[[], float] = time.time) -> None:
        self.machines, self.faults, self.clock = machines, Faults(), clock
        self.balance = 100.0
        self.pods: dict[str, RentedPod] = {}
        self.gone: dict[str, RentedPod] = {}
        self.volumes: dict[str, dict[str, Any]] = {}
        self._file, self._lock = file, threading.RLock()
        self._at_work: dict[str, threading.Lock] = {}

    def create(self, body: dict[str, Any], bid: float = 0.0) -> RentedPod:
        """Rent a pod; it starts by and by. With a bid, dollars an hour and GPU, it is one that may be taken back."""
        with self._lock:
            if self.balance <= 0:
                raise RefusalError(402, "Insufficient balance.")
            kind, place = placing.choose(body, self.volumes)
            cloud = body.get("cloud", "SECURE")
            if bid and bid < kind.least_bid(cloud):
                raise RefusalError(400, f"the bid is under the minimum of {kind.least_bid(cloud)} for {kind.id}")
            if self.faults.take("no_capacity"):
                raise placing.no_capacity()
            now = self.clock()
            price = (bid or (kind.secure if cloud == "SECURE" else kind.community)) * placing.count(body)
            gpus, key = self._gpus(body), f"rpa_{secrets.token_hex(20)}"
            pod = RentedPod(new_id(14), body, place, price, now, gpus=gpus, key=key, bid=bid).billed(now)
            self._put(pod)
            self._begin(pod)
            if self.faults.take("fail_after_create"):
                raise RefusalError(500, WENT_WRONG)
            return pod

    def pod(self, pod_id: str) -> RentedPod:
        """Return a pod as a reader sees it; raises RefusalError 404."""
        with self._lock:
            pod = self._known(pod_id)
            if pod.stale_reads and pod.status == "RUNNING":
                self.pods[pod_id] = replace(pod, stale_reads=pod.stale_reads - 1)
            return pod

    def holder(self, key: str) -> str | None:
        """Return the id of the pod that a key was made for."""
        with self._lock:
            pods = [pod for pod in self.pods.values() if pod.key]
        return next((pod.id for pod in pods if hmac.compare_digest(pod.key.encode(), key.encode())), None)

    def all_pods(self) -> list[RentedPod]:
        """Return every pod as a reader sees it."""
        with self._lock:
            return [self.pod(pod_id) for pod_id in list(self.pods)]

    def act(self, pod_id: str, action: str) -> RentedPod | None:
        """Start, stop, restart or terminate a pod; raises RefusalError 409 where its status forbids it."""
        with self._lock:
            pod = self._known(pod_id)
            if action not in ACTIONS[pod.status]:
                raise RefusalError(409, f"cannot {action} a pod that is {pod.status}")
            if action == "start" and self.faults.take("full_host"):
                raise RefusalError(400, FULL_HOST)
            if action in ("start", "restart"):
                return self._restart(pod, action)
        if action == "terminate":
            self.terminate(pod_id)
            return None
        return self.stop(pod_id, STOP_SECONDS)

    def stop(self, pod_id: str, grace: float) -> RentedPod:
        """Stop a pod: its container disk is wiped, its GPU goes to others, its volume stays."""
        with self._lock:
            pod = self._known(pod_id)
            stopped = replace(pod, status="EXITED", turn=pod.turn + 1).unbilled(self.clock())
            self._put(stopped)
        with self._at_work[pod_id]:
            self.machines.stop(pod_id, grace)
        return stopped

    def terminate(self, pod_id: str) -> None:
        """Take a pod away with its own volume; a network volume stays."""
        with self._lock:
            pod = self._known(pod_id)
            self._bury(pod)
        with self._at_work[pod_id]:
            self.machines.remove(pod)

    def migrate(self, pod_id: str) -> RentedPod:
        """Move a pod to another machine: a new id, address and port, the same name and volume; the old one is gone."""
        with self._lock:
            old = self._known(pod_id)
            self._bury(old)
        with self._at_work[pod_id]:
            self.machines.stop(pod_id, STOP_SECONDS)
        with self._lock:
            now = self.clock()
            fresh = replace(old, id=new_id(14), created=now, meter=(), disk=old.disk or old.id, ip=ELSEWHERE, port=0)
            fresh = replace(fresh, status="PROVISIONING", started=None, turn=0, stale_reads=0).billed(now)
            self._put(fresh)
            self._begin(fresh)
            return fresh

    def set_balance(self, dollars: float) -> None:
        """Set the balance; at zero, pods on a network volume are stopped and all others terminated."""
        with self._lock:
            self.balance = dollars
            self._save()
            found = list(self.pods.values())
        for pod in found if dollars <= 0 else ():
            if not pod.volume_id:
                self.terminate(pod.id)
            elif pod.is_billed:
                self.stop(pod.id, STOP_SECONDS)

    def create_volume(self, body: dict[str, Any]) -> dict[str, Any]:
        """Make a network volume."""
        with self._lock:
            place = catalog.data_center(body["dataCenter"])
            kind = body.get("type", "STANDARD")
            if place is None or kind not in place.volumes:
                raise RefusalError(400, f"{body['dataCenter']} has no {kind} network volumes")
            volume = {"id": new_id(10), **body, "type": kind}
            self.volumes[volume["id"]] = volume
            self._save()
            return volume

    def drop_volume(self, volume_id: str) -> None:
        """Take a network volume away; raises RefusalError where there is none or a pod holds it."""
        with self._lock:
            if volume_id not in self.volumes:
                raise RefusalError(404, "network volume not found")
            if any(pod.volume_id == volume_id for pod in self.pods.values()):
                raise RefusalError(409, "network volume is attached to a pod")
            del self.volumes[volume_id]
            self._save()
        self.machines.drop_volume(volume_id)

    def ledger(self) -> dict[str, Any]:
        """Return what each pod has cost and which are billed now."""
        with self._lock:
            now = self.clock()
            everything = [*self.pods.values(), *self.gone.values()]
            return {
                "billing": sorted(pod.id for pod in everything if pod.is_billed),
                "balance": self.balance,
                "perHour": sum(pod.price for pod in everything if pod.is_billed),
                "pods": [
                    {"id": pod.id, "name": pod.body["name"], "status": pod.status, "seconds": pod.seconds(now)}
                    | pod.amounts(now)
                    for pod in everything
                ],
            }

    def load(self, raw: dict[str, Any]) -> None:
        """Go on with what a server before this one had written down."""
        self.balance, self.volumes = raw["balance"], raw["volumes"]
        for name, kept in (("pods", self.pods), ("gone", self.gone)):
            for one in raw[name]:
                kept[one["id"]] = RentedPod(**{**one, "meter": tuple((began, ended) for began, ended in one["meter"])})
        for pod in self.pods.values():
            self._at_work[pod.id] = threading.Lock()
            if pod.status in ("PROVISIONING", "STARTING"):
                self._begin(pod)

    def _restart(self, pod: RentedPod, action: str) -> RentedPod:
        # In place the GPU stays.
        gpus = self._gpus(pod.body) if action == "start" else pod.gpus
        again = replace(pod, status="STARTING", turn=pod.turn + 1, started=None, gpus=gpus).billed(self.clock())
        self._put(again)
        self._begin(again)
        return again

    def _gpus(self, body: dict[str, Any]) -> int:
        return 0 if self.faults.take("zero_gpu") else placing.count(body)

    def _bury(self, pod: RentedPod) -> None:
        self.gone[pod.id] = replace(pod, status="TERMINATED", turn=pod.turn + 1).unbilled(self.clock())
        del self.pods[pod.id]
        self._save()

    def _begin(self, pod: RentedPod) -> None:
        slow, stale = self.faults.slow_start, self.faults.stale_port
        if self.faults.take("dead_sshd"):
            slow = NEVER
        threading.Thread(target=self._bring_up, args=(pod.id, pod.turn, slow, int(stale)), daemon=True).start()

    def _bring_up(self, pod_id: str, turn: int, slow: float, stale: int) -> None:
        with self._at_work[pod_id]:
            pod = self._move(pod_id, turn, status="STARTING")
            if pod is None:
                return
            try:
                port = self.machines.start(pod, slow)
            except DgopsError:
                self._move(pod_id, turn, status="ERROR")
                return
            # A pod that never ran has no old port; any that nobody listens on is as wrong.
            old = {"stale_port": pod.port or 9, "stale_reads": stale}
            if self._move(pod_id, turn, status="RUNNING", port=port, started=self.clock(), **old) is None:
                self.machines.stop(pod_id, 0)

    def _move(self, pod_id: str, turn: int, **changes: Any) -> RentedPod | None:
        """Change a pod, unless somebody stopped, started or ended it meanwhile."""
        with self._lock:
            pod = self.pods.get(pod_id)
            if pod is None or pod.turn != turn:
                return None
            self._put(replace(pod, **changes))
            return self.pods[pod_id]

    def _known(self, pod_id: str) -> RentedPod:
        if pod_id not in self.pods:
            raise RefusalError(404, "pod not found")
        return self.pods[pod_id]

    def _put(self, pod: RentedPod) -> None:
        self.pods[pod.id] = pod
        self._at_work.setdefault(pod.id, threading.Lock())
        self._save()

    def _save(self) -> None:
        kept = {
            "pods": [asdict(pod) for pod in self.pods.values()],
            "gone": [asdict(pod) for pod in self.gone.values()],
        }
        write_json(self._file, {"balance": self.balance, "volumes": self.volumes, **kept}, 0o600)


def new_id(length: int) -> str:
    """Return an id as RunPod makes them."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(length))
