"""What scripts on a machine of its own look at: every trace that a sandbox could leave."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

DGOPS = [sys.executable, "-c", "from dgops.cli.main import main; main()"]
RUN = Path("/run/dgops-sandbox")


def dgops(*arguments: str, state: str = "", code: int = 0) -> str:
    """Run the command line, expect its exit code, return what it printed."""
    environment = {**os.environ, **({"DGOPS_STATE": f"{state}/.dgops"} if state else {})}
    folder = Path(state or ".")
    folder.mkdir(exist_ok=True)
    (folder / "dgops.toml").touch()
    ended = subprocess.run(
        [*DGOPS, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert ended.returncode == code, f"{arguments}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def traces() -> dict[str, list[str]]:
    """Return everything that could be left behind."""
    podman = ["podman", "--cgroup-manager=cgroupfs"]
    if (RUN / "namespace/mnt").exists():
        podman = ["nsenter", f"--mount={RUN}/namespace/mnt", "--", *podman]
    return {
        "containers": _lines(*podman, "ps", "--all", "--external", "--format", "{{.Names}}"),
        "volumes": _lines(*podman, "volume", "ls", "--quiet"),
        "networks": _lines(*podman, "network", "ls", "--quiet"),
        "images": _lines(*podman, "images", "--quiet"),
        "rules": [rule for table in ("nat", "filter") for rule in _lines("iptables", "-t", table, "-S")],
        "links": [line.split(":")[1] for line in _lines("ip", "-oneline", "link")],
        "mounts": [line for line in Path("/proc/self/mounts").read_text().splitlines() if "dgops" in line],
        "processes": _lines("pgrep", "-x", "conmon|aardvark-dns|sleep|sshd"),
        "files": [
            str(path)
            for path in (RUN, Path(os.environ["DGOPS_STATE"], "sandbox"), Path("inventories"))
            if path.exists()
        ],
    }


def check_as(before: dict[str, list[str]], when: str = "") -> None:
    """Expect the machine to be as it was; a container's last helper ends a moment after it."""
    deadline = time.monotonic() + 5
    while (now := traces()) != before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert now == before, f"{when}\nbefore {before}\nnow    {now}"


def _lines(*argv: str) -> list[str]:
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False).stdout.splitlines()
