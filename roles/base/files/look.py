"""Print as JSON what of the packages named as arguments is missing, where this host keeps things, and free space."""

import json
import os
import re
import sys


def missing(names):
    """Return the packages that dpkg does not hold as installed."""
    installed = set()
    with open("/var/lib/dpkg/status", errors="replace") as stream:
        for stanza in stream.read().split("\n\n"):
            if "\nStatus: install ok installed" in stanza or stanza.startswith("Status: install ok installed"):
                installed.add(stanza.split("Package: ", 1)[1].split("\n", 1)[0])
    return [name for name in names if name not in installed]


def first_environment():
    """Return the environment of the first process: a pod's is only there, no session over SSH sees it."""
    with open("/proc/1/environ", errors="replace") as stream:
        pairs = (pair.partition("=") for pair in stream.read().split("\0"))
        return {key: value for key, _, value in pairs}


def volume():
    """Return a pod's persistent folder, None where this is no pod."""
    environment = first_environment()
    for key in ("VOLUME_ROOT", "DATA_DIR"):
        if re.fullmatch(r"(/[\w.-]+)+", environment.get(key, "")):
            return environment[key]
    mounted = [path for path in ("/workspace", "/runpod-volume") if os.path.ismount(path)]
    return mounted[0] if mounted and "RUNPOD_POD_ID" in environment else None


def free_mb(path):
    """Return the free space of the file system that would hold path, in MB."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize // 1000000


print(
    json.dumps(
        {
            "missing": missing(sys.argv[1:]),
            "root": volume(),
            "wsl": "microsoft" in os.uname().release.lower() or os.path.exists("/etc/wsl.conf"),
            "free_mb": {path: free_mb(path) for path in ("/", "/home", "/usr", "/var")},
        }
    )
)
