"""What changes while nobody deploys: disks, memory, GPUs, torch, services."""

from __future__ import annotations

import json
import os
import pwd
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, List, Optional

from dgops.agent import observe

Observation = Dict[str, Any]
NVIDIA_SMI = ("/usr/lib/wsl/lib/nvidia-smi", "/usr/bin/nvidia-smi")
DEADLINE = 30.0


def run(checks: List[Dict[str, Any]], runtime: Optional[str]) -> List[Dict[str, Any]]:
    """Observe live checks, in a child under the runtime venv as its owner where there is one."""
    python = os.path.join(runtime or "", "bin", "python")
    if not checks:
        return []
    if not runtime or not os.path.exists(python) or os.geteuid() != 0:
        return _observe_all(checks)
    return _in_runtime(checks, python, pwd.getpwuid(os.stat(runtime).st_uid).pw_name)


def answer(request: Dict[str, Any]) -> Dict[str, Any]:
    """Observe every live check of the request."""
    return {"observations": _observe_all(request["checks"])}


def _in_runtime(checks: List[Dict[str, Any]], python: str, owner: str) -> List[Dict[str, Any]]:
    # The zip lies in a home that the venv's owner cannot read; an anonymous file can be opened again by anybody.
    agent = os.memfd_create("dgops-agent")
    with open(sys.argv[0], "rb") as stream:
        os.write(agent, stream.read())
    try:
        child = subprocess.run(
            [python, "/proc/self/fd/{}".format(agent), "live"],
            input=json.dumps({"checks": checks}).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(agent,),
            timeout=DEADLINE,
            cwd="/",
            env=observe.environment(owner),
            preexec_fn=lambda: observe.enter(owner),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [{"error": "no answer within {:.0f} s".format(DEADLINE)} for _ in checks]
    finally:
        os.close(agent)
    if child.returncode:
        lines = child.stderr.decode(errors="replace").strip().splitlines() or ["exit {}".format(child.returncode)]
        return [{"error": "{}: {}".format(python, lines[-1])} for _ in checks]
    return _read(child.stdout, len(checks)) or [{"error": "{}: answers rubbish".format(python)} for _ in checks]


def _read(output: bytes, count: int) -> List[Dict[str, Any]]:
    """Return the child's observations, nothing where it answered something else: its venv belongs to a user."""
    try:
        observations = json.loads(output)["observations"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return []
    good = isinstance(observations, list) and len(observations) == count
    return observations if good and all(isinstance(one, dict) for one in observations) else []


def _observe_all(checks: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    # At once: importing torch from a cold disk and asking a forge take seconds each, and the deadline is for all.
    with ThreadPoolExecutor(max_workers=max(1, len(checks))) as pool:
        return list(pool.map(_observe, checks))


def _observe(check: Dict[str, Any]) -> Dict[str, Any]:
    try:
        return {"seen": OBSERVERS[check["type"]](check)}
    except (OSError, KeyError, ValueError) as error:
        return {"error": "{}: {}".format(type(error).__name__, error)}


def disk_seen(path: str) -> Observation:
    """Observe the file system that holds path: its type, bytes in all and bytes free to users."""
    status = os.statvfs(path)
    return {
        "path": path,
        "type": _filesystem(path),
        "total": status.f_frsize * status.f_blocks,
        "free": status.f_frsize * status.f_bavail,
    }


def disk(check: Dict[str, Any]) -> Observation:
    """Observe free space."""
    return disk_seen(check["path"])


def memory(check: Dict[str, Any]) -> Observation:
    """Observe memory that programs can still get, in bytes."""
    del check
    try:
        import psutil
    except ImportError:
        return {"free": _meminfo()["MemAvailable"], "total": _meminfo()["MemTotal"]}
    virtual = psutil.virtual_memory()
    return {"free": virtual.available, "total": virtual.total}


def gpu(check: Dict[str, Any]) -> Observation:
    """Observe NVIDIA GPUs: name, driver, memory in bytes; by nvidia-ml-py, else by nvidia-smi's full path."""
    del check
    try:
        import pynvml
    except ImportError:
        return _by_nvidia_smi()
    try:
        pynvml.nvmlInit()
        driver = str(pynvml.nvmlSystemGetDriverVersion())
        devices = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        gpus = [_by_nvml(pynvml, device, driver) for device in devices]
        pynvml.nvmlShutdown()
    except pynvml.NVMLError as error:
        return {"gpus": [], "reason": str(error)}
    return {"gpus": gpus}


def _by_nvml(pynvml: Any, device: Any, driver: str) -> Dict[str, Any]:
    used = pynvml.nvmlDeviceGetMemoryInfo(device)
    name = str(pynvml.nvmlDeviceGetName(device))
    return {"name": name, "driver": driver, "total": int(used.total), "free": int(used.free)}


def torch(check: Dict[str, Any]) -> Observation:
    """Import torch in a venv and observe its version and whether it has CUDA."""
    program = "import json, torch; print(json.dumps([torch.__version__, torch.cuda.is_available()]))"
    python = os.path.join(check["venv"], "bin", "python")
    returncode, output = observe.run([python, "-c", program], None, DEADLINE - 5)
    lines = output.strip().splitlines() or [""]
    if returncode:
        return {"version": None, "cuda": False, "reason": lines[-1]}
    version, cuda = json.loads(lines[-1])
    return {"version": version, "cuda": cuda}


def http(check: Dict[str, Any]) -> Observation:
    """Ask a URL on the host for its status."""
    try:
        with urllib.request.urlopen(check["url"], timeout=5) as reply:
            return {"status": reply.status}
    except urllib.error.HTTPError as error:
        return {"status": error.code}
    except (urllib.error.URLError, socket.timeout) as error:
        return {"status": None, "reason": str(getattr(error, "reason", error))}


def port(check: Dict[str, Any]) -> Observation:
    """See whether something listens on a TCP port of the host's loopback."""
    with socket.socket() as attempt:
        attempt.settimeout(3)
        return {"open": attempt.connect_ex(("127.0.0.1", int(check["port"]))) == 0}


def git_auth(check: Dict[str, Any]) -> Observation:
    """See whether a forge accepts the host's key; forges answer a login with exit 1 and a greeting."""
    options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "IdentitiesOnly=yes"]
    argv = ["ssh", *options, "-i", check["key"], "-T", "git@" + check["host"]]
    returncode, output = observe.run(argv, check.get("user"), 10)
    lines = output.strip().splitlines() or ["no answer"]
    return {"accepted": "successfully authenticated" in output or returncode == 0, "said": lines[-1]}


def _by_nvidia_smi() -> Observation:
    program = next((path for path in NVIDIA_SMI if os.path.exists(path)), None)
    if program is None:
        return {"gpus": [], "reason": "no nvidia-smi"}
    query = "--query-gpu=name,driver_version,memory.total,memory.free"
    returncode, output = observe.run([program, query, "--format=csv,noheader,nounits"], None, 10)
    if returncode:
        return {
            "gpus": [],
            "reason": output.strip().splitlines()[-1] if output.strip() else "nvidia-smi failed",
        }
    rows = [[cell.strip() for cell in line.split(",")] for line in output.strip().splitlines()]
    mebi = 1024 * 1024
    return {
        "gpus": [
            {"name": name, "driver": driver, "total": int(total) * mebi, "free": int(free) * mebi}
            for name, driver, total, free in rows
        ]
    }


def _meminfo() -> Dict[str, int]:
    with open("/proc/meminfo") as stream:
        return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in stream}


def _filesystem(path: str) -> str:
    """Return the type of the file system that holds path: the mount point with the longest common prefix."""
    best, kind = "", "?"
    real = os.path.realpath(path)
    with open("/proc/self/mounts") as stream:
        for line in stream:
            _, mountpoint, name = line.split()[:3]
            inside = real == mountpoint or real.startswith(mountpoint.rstrip("/") + "/")
            if inside and len(mountpoint) >= len(best):
                best, kind = mountpoint, name
    return kind


OBSERVERS: Dict[str, Callable[[Dict[str, Any]], Observation]] = {
    "disk": disk,
    "git_auth": git_auth,
    "gpu": gpu,
    "http": http,
    "memory": memory,
    "port": port,
    "torch": torch,
}
