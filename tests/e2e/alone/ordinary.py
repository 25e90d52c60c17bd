"""A machine without the cgroup quirk: no mount namespace is made, and all works as well."""

import subprocess
from pathlib import Path

from machine import RUN, check_as, dgops, traces

if "/sys/fs/cgroup/unified" in Path("/proc/self/mounts").read_text():
    subprocess.run(["umount", "/sys/fs/cgroup/unified"], check=True)
before = traces()
dgops("sandbox", "up")
assert not (RUN / "namespace").exists()
assert "running" in dgops("sandbox", "list")
dgops("sandbox", "down")
check_as(before)
