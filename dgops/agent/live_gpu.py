"""GPUs as the driver sees them, and torch as it really computes on one."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Optional

from dgops.agent import observe

Observation = Dict[str, Any]
# By full path: sshd's sessions have no /usr/lib/wsl/lib on their PATH.
NVIDIA_SMI = ("/usr/lib/wsl/lib/nvidia-smi", "/usr/bin/nvidia-smi")
MEBI = 1024 * 1024
TORCH_DEADLINE = 25.0
# A build without kernels for this card imports, and says that CUDA is available; only computing shows it.
# Multiples of 1/64 below 1 have exact products and sums in 32 bits here, so that any wrong digit is a fault.
TORCH_PROGRAM = """\
import json, torch
seen = {"version": torch.__version__, "build": torch.version.cuda, "cuda": torch.cuda.is_available()}
try:
    if seen["cuda"]:
        seen["device"] = torch.cuda.get_device_name(0)
        seen["capability"] = "%d.%d" % torch.cuda.get_device_capability(0)
        left = (torch.arange(4096, dtype=torch.float32) % 64 / 64).reshape(64, 64)
        seen["computes"] = bool(torch.equal((left.cuda() @ left.cuda().T).cpu(), left @ left.T))
except RuntimeError as error:
    # A job that fills the card is no fault of it.
    seen.update(computes=None if "out of memory" in str(error) else False, reason=str(error))
print(json.dumps(seen))
"""


def gpu(check: Dict[str, Any]) -> Observation:
    """Observe NVIDIA GPUs: name, driver, memory in bytes; by nvidia-ml-py, else by nvidia-smi's full path."""
    del check
    try:
        import pynvml
    except ImportError:
        return _by_nvidia_smi()
    try:
        pynvml.nvmlInit()
        driver = _text(pynvml.nvmlSystemGetDriverVersion())
        devices = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        gpus = [_by_nvml(pynvml, device, driver) for device in devices]
        pynvml.nvmlShutdown()
    except pynvml.NVMLError as error:
        # The library may be missed where the program is found: a WSL distro whose ld.so.conf was rewritten.
        seen = _by_nvidia_smi()
        return seen if seen["gpus"] else {"gpus": [], "reason": str(error)}
    return {"gpus": gpus}


def torch(check: Dict[str, Any]) -> Observation:
    """Import torch in a venv and observe its version, whether it has CUDA, and whether the GPU computes rightly."""
    python = os.path.join(check["venv"], "bin", "python")
    returncode, output = observe.run([python, "-c", TORCH_PROGRAM], None, TORCH_DEADLINE)
    lines = output.strip().splitlines() or [""]
    if returncode == 124:
        return {"version": None, "cuda": False, "reason": "no answer within {:.0f} s".format(TORCH_DEADLINE)}
    if returncode:
        return {"version": None, "cuda": False, "reason": lines[-1]}
    seen: Observation = json.loads(lines[-1])
    return seen


def used(deadline: float) -> Optional[float]:
    """Return how busy the busiest GPU is in percent, 0 where there is none, None where it does not say in time."""
    program = next((path for path in NVIDIA_SMI if os.path.exists(path)), None)
    if program is None:
        return 0.0
    query = "--query-gpu=utilization.gpu"
    code, output = observe.run([program, query, "--format=csv,noheader,nounits"], None, deadline)
    try:
        return max(map(float, output.split()), default=0.0) if code == 0 else None
    except ValueError:
        return None


def _by_nvml(pynvml: Any, device: Any, driver: str) -> Dict[str, Any]:
    used = pynvml.nvmlDeviceGetMemoryInfo(device)
    name = _text(pynvml.nvmlDeviceGetName(device))
    return {"name": name, "driver": driver, "total": int(used.total), "free": int(used.free)}


def _text(value: Any) -> str:
    # Older releases of nvidia-ml-py answer with bytes.
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _by_nvidia_smi() -> Observation:
    program = next((path for path in NVIDIA_SMI if os.path.exists(path)), None)
    if program is None:
        return {"gpus": [], "reason": "no nvidia-smi"}
    query = "--query-gpu=name,driver_version,memory.total,memory.free"
    returncode, output = observe.run([program, query, "--format=csv,noheader,nounits"], None, 10)
    lines = output.strip().splitlines()
    if returncode:
        return {"gpus": [], "reason": lines[-1] if lines else "nvidia-smi failed"}
    rows = [[cell.strip() for cell in line.split(",")] for line in lines]
    return {
        "gpus": [
            {"name": name, "driver": driver, "total": int(total) * MEBI, "free": int(free) * MEBI}
            for name, driver, total, free in rows
        ]
    }
