"""The machine that a job ran on, in a few facts."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from typing import Any, Dict, List

from dgops.agent import live_gpu, observe

QUERY = ["--query-gpu=index,name,driver_version,memory.total", "--format=csv,noheader"]


def facts(base: str) -> Dict[str, Any]:
    """Return what the job ran on; sizes in bytes."""
    usage = shutil.disk_usage(base)
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "os": _release(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "memory": pages,
        "disk": {"size": usage.total, "free": usage.free},
        "gpus": _gpus(),
    }


def _release() -> str:
    try:
        with open("/etc/os-release") as stream:
            lines = dict(line.rstrip("\n").partition("=")[::2] for line in stream)
        return lines.get("PRETTY_NAME", "").strip('"')
    except OSError:
        return sys.platform


def _gpus() -> List[str]:
    program = next((path for path in live_gpu.NVIDIA_SMI if os.path.exists(path)), None) or shutil.which("nvidia-smi")
    code, output = observe.run([program, *QUERY], None, 20) if program else (1, "")
    return output.splitlines() if code == 0 else []
