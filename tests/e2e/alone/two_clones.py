"""Two sandboxes on one machine: neither sees the other, and the last one to go takes what they shared."""

from machine import RUN, check_as, dgops, traces

before = traces()
dgops("sandbox", "up", "pod", state="/run/one")
dgops("sandbox", "up", "pod", state="/run/two")
assert len(traces()["networks"]) == len(before["networks"]) + 2
dgops("sandbox", "down", state="/run/one")
assert "pod" in dgops("sandbox", "list", state="/run/two")
assert "running" in dgops("sandbox", "list", state="/run/two")
assert RUN.exists()
dgops("sandbox", "down", state="/run/two")
check_as(before)
