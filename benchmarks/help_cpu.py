"""CPU seconds of `dgops --help` over a bare interpreter: medians of 9, in one run."""

import resource
import statistics
import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent


def cpu(argv):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, stdout=subprocess.DEVNULL, check=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def main():
    bare = statistics.median(cpu([BIN / "python", "-c", "pass"]) for _ in range(9))
    shown = statistics.median(cpu([BIN / "dgops", "--help"]) for _ in range(9))
    print(f"bare interpreter {bare:.3f} s   dgops --help {shown:.3f} s   over it {shown - bare:.3f} s (aim: 0.15 s)")


if __name__ == "__main__":
    main()
