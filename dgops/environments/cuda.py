"""The No-CPU rule: a stage that runs a model verifies the GPU first, and nothing falls back to the CPU in silence.

It runs on a host, in the environment that holds torch. Failures are DgopsErrors whose message starts with FATAL; the
command that meets one exits 1, before anything is downloaded.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError

if TYPE_CHECKING:
    from collections.abc import Iterator

FAST_TEST = "fast-test"
GIGA = 1024**3
# A product of this size is beyond a rounding error's reach, and takes no time on any GPU.
SIDE = 256
# Largest difference from the CPU's product: TF32 keeps ten bits of each number.
TOLERANCE = 0.05 * SIDE**0.5
HINT = "dgops health shows GPU, driver and torch; dgops env verdict says which profile works there"


def require_gpu(mode: str, need: int = 0) -> None:
    """Raise DgopsError unless a CUDA GPU is there, has `need` bytes free and computes a real kernel rightly.

    Fast-test mode is the only exception, and says so on stderr.
    """
    if mode == FAST_TEST:
        _say("fast-test mode: no GPU is asked for, and nothing that comes of this run is for use")
        return
    torch = _torch()
    try:
        if not torch.cuda.is_available():
            _fail(_why_not(torch))
        _require_memory(torch, need)
        _require_kernel(torch)
    except RuntimeError as error:
        # What CUDA itself complains of.
        _fail(f"the GPU does not work: {str(error).strip().splitlines()[0]}")


def require_on_gpu(model: Any, mode: str) -> None:
    """Raise DgopsError unless every parameter and buffer of a loaded model is on a GPU; none in fast-test mode."""
    if mode == FAST_TEST:
        _say("fast-test mode: the model may be on the CPU")
        return
    away = [(name, device) for name, device in _places(model) if device != "cuda"]
    if away:
        name, device = away[0]
        more = f" and {len(away) - 1} more" if len(away) > 1 else ""
        _fail(f"the model is not on the GPU: {name}{more} on {device}")


def _places(model: Any) -> Iterator[tuple[str, str]]:
    for held in (model.named_parameters, model.named_buffers):
        for name, tensor in held():
            yield name, str(tensor.device.type)


def _torch() -> Any:
    try:
        import torch
    except (ImportError, OSError) as error:
        _fail(f"torch cannot be imported: {error}")
    return torch


def _why_not(torch: Any) -> str:
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is a build without CUDA"
    return f"torch {torch.__version__} sees no CUDA GPU"


def _require_memory(torch: Any, need: int) -> None:
    free, total = torch.cuda.mem_get_info()
    if free < need:
        _fail(f"{need / GIGA:.1f} GB of GPU memory are needed, {free / GIGA:.1f} of {total / GIGA:.1f} GB are free")


def _require_kernel(torch: Any) -> None:
    one = torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    other = one.T.contiguous()
    expected = one @ other
    found = (one.cuda() @ other.cuda()).cpu()
    off = float((found - expected).abs().max())
    # Written so that a NaN fails.
    if not off <= TOLERANCE:
        _fail(f"the GPU multiplies matrices wrongly: {off:.3g} off")


def _fail(reason: str) -> Any:
    raise DgopsError(f"FATAL: no model runs on the CPU: {reason}", HINT)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
