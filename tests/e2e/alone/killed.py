"""An up that is killed at any moment: the next up works, and the next down leaves nothing."""

import subprocess
import time

from machine import DGOPS, check_as, dgops, traces

# Another sandbox keeps the image, so that each round takes seconds, and shows that it is left alone.
dgops("sandbox", "up", "neighbour", state="/run/neighbour")
before = traces()
for moment in (0.2, 0.35, 0.5, 0.65, 0.8, 1.0, 1.3):
    running = subprocess.Popen(
        [*DGOPS, "sandbox", "up", "first", "second"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        running.wait(timeout=moment)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()
    if round(moment * 20) % 2:
        assert "second  " in dgops("sandbox", "up", "second"), moment
    dgops("sandbox", "down")
    check_as(before, f"killed after {moment}")

# Worse: podman itself is killed half-way, and a container runs that it does not know.
for delay in (0.0, 0.03, 0.06, 0.09, 0.12):
    running = subprocess.Popen([*DGOPS, "sandbox", "up"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while running.poll() is None:
        starting = subprocess.run(
            ["pgrep", "-f", "^podman run .*pod-start"], capture_output=True, text=True, check=False
        )
        if starting.stdout:
            time.sleep(delay)
            subprocess.run(["kill", "-KILL", *starting.stdout.split()], capture_output=True, check=False)
            break
    running.wait(timeout=60)
    dgops("sandbox", "down")
    check_as(before, f"podman killed after {delay}")
assert "running" in dgops("sandbox", "list", state="/run/neighbour")
