#!/usr/bin/env python3
"""The pods that are rented at RunPod, for Ansible and dgops: ansible-inventory -i inventories/runpod --graph."""

import os
import sys
from pathlib import Path

FOLDER = Path(__file__).absolute().parent
# dgops says which Python it runs under, a clone has its own; whatever PATH leads to may not know dgops.
PYTHONS = (os.environ.get("DGOPS_PYTHON", ""), str(FOLDER.parent.parent / ".venv" / "bin" / "python3"))
AGAIN = "DGOPS_INVENTORY_AGAIN"


def main() -> int:
    """Answer --list and --host NAME."""
    python = next((one for one in PYTHONS if os.access(one, os.X_OK)), sys.executable)
    if python != sys.executable and AGAIN not in os.environ:
        os.execve(python, [python, __file__, *sys.argv[1:]], {**os.environ, AGAIN: "1"})
    try:
        from dgops.pods.inventory import main as answer
    except ImportError as error:
        sys.stderr.write(f"{error}: run it where dgops is installed; make setup installs it in a clone\n")
        return 1
    return answer(sys.argv[1:], FOLDER)


if __name__ == "__main__":
    sys.exit(main())
