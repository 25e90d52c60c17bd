"""GPU slots: one locked file per GPU, held by whoever inherits it, granted in the order of asking."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import time
from typing import Any, Dict, List, Optional, Tuple

from dgops.agent import spec

DRIVER = "/proc/driver/nvidia/gpus"


def found() -> List[int]:
    """Return the indices of this host's GPUs, as nvidia-smi counts them."""
    # Loaded here, since every other request does without; and a child's environment is a login's.
    from dgops.agent import live_gpu, observe

    known = next((path for path in live_gpu.NVIDIA_SMI if os.path.exists(path)), None)
    program = known or shutil.which("nvidia-smi")
    if program:
        returncode, output = observe.run([program, "-L"], None, 20)
        if returncode == 0:
            return [int(number) for number in re.findall(r"^GPU (\d+):", output, re.MULTILINE)]
    try:
        return list(range(len(os.listdir(DRIVER))))
    except OSError:
        return []


def refusal(wanted: Dict[str, Any], present: List[int], mode: str) -> Optional[Tuple[str, str]]:
    """Return why this host can never give these GPUs, with a hint; None where it can, or where mode does without."""
    if not present:
        if mode == "fast-test":
            return None
        hint = "take a host with a GPU, leave --gpus away, or look at it: dgops health"
        return "this host shows no GPU (nvidia-smi lists none)", hint
    absent = [one for one in wanted.get("ids", ()) if one not in present]
    if absent:
        return "there is no GPU {}; this host has {}".format(_listed(absent), _listed(present)), "choose among those"
    if wanted.get("count", 0) > len(present):
        asked = "{} GPUs were asked for, this host has {}".format(wanted["count"], len(present))
        return asked, "ask for at most {}".format(len(present))
    return None


def prepare(folder: str, present: List[int]) -> None:
    """Make the slots, as root: files that every user can lock, and a queue where each can put a ticket."""
    slots = os.path.join(folder, "gpus")
    os.makedirs(slots, mode=0o755, exist_ok=True)
    for index in present:
        descriptor = os.open(_slot(folder, index), os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        os.fchmod(descriptor, 0o666)
        os.close(descriptor)
    queue = os.path.join(slots, "queue")
    os.makedirs(queue, exist_ok=True)
    os.chmod(queue, 0o1777)


class Turn:
    """A place in the queue, kept by a locked ticket: who dies in it leaves it.

    A higher priority stands before a lower one, equal ones in the order of asking, whatever becomes of the date.
    """

    def __init__(self, folder: str, job: str, priority: int = 0) -> None:
        self.folder = folder
        self.queue = os.path.join(folder, "gpus", "queue")
        rank = spec.MOST_PRIORITY - priority
        self.name = "{:05d}-{:020d}-{}".format(rank, int(time.monotonic() * 1e9), job)
        hidden = os.path.join(self.queue, "." + self.name)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        self.descriptor = os.open(hidden, flags, 0o644)
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        # Seen only when locked, else another waiter would take it for a dead one's.
        os.rename(hidden, os.path.join(self.queue, self.name))

    def take(self, wanted: Dict[str, Any], present: List[int]) -> Dict[int, int]:
        """Return index → locked descriptor of all that is wanted, else nothing; only the queue's first may ask."""
        ids = wanted.get("ids") or present
        count = len(wanted["ids"]) if wanted.get("ids") else wanted["count"]
        held: Dict[int, int] = {}
        for index in ids:
            descriptor = _locked(_slot(self.folder, index)) if len(held) < count else None
            if descriptor is not None:
                held[index] = descriptor
        if len(held) < count:
            release(held)
            return {}
        self.leave()
        return held

    def ahead(self) -> int:
        """Return how many jobs stand before this one, and sweep away the tickets of dead ones next to it.

        Each looks after those right before it: all looking after all would be a load where hundreds wait.
        """
        before = sorted(name for name in os.listdir(self.queue) if not name.startswith(".") and name < self.name)
        while before:
            path = os.path.join(self.queue, before.pop())
            try:
                descriptor = _locked(path)
            except FileNotFoundError:
                continue
            if descriptor is None:
                return len(before) + 1
            with contextlib.suppress(OSError):
                os.unlink(path)
            os.close(descriptor)
        return 0

    def leave(self) -> None:
        """Give the place up."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.queue, self.name))
        os.close(self.descriptor)


def release(held: Dict[int, int]) -> None:
    """Free slots, as far as no child still holds them."""
    for descriptor in held.values():
        os.close(descriptor)
    held.clear()


def environment(held: Dict[int, int]) -> Dict[str, str]:
    """Return the variables that confine a program to its slots; CUDA counts by speed unless told to count by bus."""
    if not held:
        return {}
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ",".join(str(index) for index in sorted(held))}


def described(wanted: Dict[str, Any]) -> str:
    """Return what is wanted, in words."""
    if wanted.get("ids"):
        return "GPU " + _listed(wanted["ids"])
    return "a GPU" if wanted["count"] == 1 else "{} GPUs".format(wanted["count"])


def _locked(path: str) -> Optional[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _slot(folder: str, index: int) -> str:
    return os.path.join(folder, "gpus", "{}.lock".format(index))


def _listed(indices: List[int]) -> str:
    return ", ".join(str(one) for one in indices)
