"""Whether a machine is worth its price: the GPUs that were asked for are there, and one of them computes rightly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dgops.agent.live_gpu import TORCH_PROGRAM
from dgops.errors import DgopsError
from dgops.pods import names

if TYPE_CHECKING:
    from collections.abc import Callable

    from dgops.pods.models import Pod
    from dgops.transport.protocol import Transport

SECONDS = 90.0
AGAIN = "create it again: another machine may do better"


def require_gpus(pod: Pod, asked: int) -> None:
    """Refuse a pod that has fewer GPUs than were asked for, by the provider's own word."""
    if pod.gpu_count < asked:
        short = names.short(pod.name)
        words = "without a GPU" if not pod.gpu_count else f"with {pod.gpu_count} GPUs instead of {asked}"
        raise DgopsError(f"{short} came {words}", AGAIN)


def require_sound(pod: Pod, transport: Transport, say: Callable[[str], None]) -> None:
    """Refuse a machine whose driver shows no GPU, or whose GPU computes wrongly where its image has torch."""
    short = names.short(pod.name)
    seen = transport.run(["nvidia-smi", "-L"], timeout=SECONDS)
    if seen.returncode or "GPU 0" not in seen.text:
        raise DgopsError(f"{short}: nvidia-smi shows no GPU: {seen.complaint or f'exit {seen.returncode}'}", AGAIN)
    done = transport.run(["python3", "-c", TORCH_PROGRAM], timeout=SECONDS)
    if done.returncode:
        say(f"{short}  no torch in its image: the GPU was seen, and not computed on")
        return
    found = json.loads(done.text.strip().splitlines()[-1])
    if not found.get("cuda"):
        raise DgopsError(f"{short}: torch {found.get('version')} finds no CUDA there", AGAIN)
    if found.get("computes") is False:
        raise DgopsError(f"{short}: its GPU computes wrongly: {found.get('reason') or 'wrong digits'}", AGAIN)
