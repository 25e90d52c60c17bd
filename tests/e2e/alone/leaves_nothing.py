"""Up, up again, stop, start and down: the machine is then as it was."""

from machine import check_as, dgops, traces

before = traces()
assert "no sandbox is up" in dgops("sandbox", "down")
check_as(before)

printed = dgops("sandbox", "up", "pod", "pod2")
assert "SHA256:" in printed
assert "ssh -i" in printed
dgops("sandbox", "up", "distro", "--kind", "wsl")
assert "pod  reused" in dgops("sandbox", "up")
assert traces() != before

gone = dgops("sandbox", "down")
assert "removed distro, pod, pod2" in gone, gone
assert "kept the base image" in gone
check_as(before)
assert "no sandbox is up" in dgops("sandbox", "down")
