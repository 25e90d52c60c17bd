"""The kinds of images: what each is called, and what it has beside the packages of a bare host."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SUITE = "bookworm"
# Who works in an image; WSL expects the first user to have the uid 1000.
USER, UID = "seanf", 1000

# Enabled by Debian's packages, and each at odds with what WSL does itself.
DISCOURAGED_UNITS = (
    "NetworkManager-wait-online.service",
    "NetworkManager.service",
    "console-getty.service",
    "hypervkvpd.service",
    "networking.service",
    "systemd-networkd-wait-online.service",
    "systemd-networkd.service",
    "systemd-resolved.service",
    "systemd-tmpfiles-clean.service",
    "systemd-tmpfiles-clean.timer",
    "systemd-tmpfiles-setup-dev-early.service",
    "systemd-tmpfiles-setup-dev.service",
    "systemd-tmpfiles-setup.service",
    "systemd-vconsole-setup.service",
    "tmp.mount",
)


@dataclass(frozen=True)
class Kind:
    """One kind: `furniture` is path in the image → (file beside this code, mode)."""

    name: str
    file_name: str
    packages: tuple[str, ...] = ()
    furniture: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    masked: tuple[str, ...] = ()


_WSL = Kind(
    "wsl",
    "dgops-{commit}.wsl",
    (
        "bash-completion",
        "dbus",
        "git",
        "iputils-ping",
        "less",
        "libpam-systemd",
        "make",
        "nano",
        "systemd",
        "systemd-sysv",
    ),
    {
        "etc/wsl.conf": ("wsl.conf", 0o644),
        "etc/wsl-distribution.conf": ("wsl-distribution.conf", 0o644),
        "etc/systemd/system/ssh.service.d/host-keys.conf": ("ssh-host-keys.conf", 0o644),
        "usr/lib/wsl/oobe.sh": ("oobe.sh", 0o755),
        "usr/lib/wsl/terminal-profile.json": ("terminal-profile.json", 0o644),
    },
    DISCOURAGED_UNITS,
)
_POD = Kind(
    "pod",
    "dgops-{commit}-pod.oci.tar",
    ("bash", "git"),
    {
        "start.sh": ("start.sh", 0o755),
        "etc/profile.d/dgops_pod.sh": ("pod-environment.sh", 0o644),
        "etc/ssh/sshd_config.d/dgops.conf": ("sshd-pod.conf", 0o644),
    },
)
_SANDBOX = Kind("sandbox", "dgops-{commit}-sandbox.tar.gz")

KINDS = {kind.name: kind for kind in (_WSL, _POD, _SANDBOX)}
