"""What breaks each rule: what is changed in a good distribution, and the words that it is found by."""

from dataclasses import dataclass
from dataclasses import replace as put

from distros import GOOD, Piece, link, program

SYSTEMD = {"systemd": "usr/lib/systemd/systemd", "wants": "etc/systemd/system/multi-user.target.wants/"}
CONF, DISTRO, OOBE = "etc/wsl.conf", "etc/wsl-distribution.conf", "usr/lib/wsl/oobe.sh"
ICON, PROFILE = "usr/lib/wsl/dgops.ico", "usr/lib/wsl/terminal-profile.json"


@dataclass(frozen=True)
class Case:
    """`also` are rules that the same change cannot but break."""

    rule: str
    found: str
    changes: dict
    also: tuple[str, ...] = ()


def text(name, old, new):
    """Return the piece of that name with a text in it replaced."""
    content = GOOD[name].content.decode()
    assert old in content
    return {name: put(GOOD[name], content=content.replace(old, new).encode())}


def lines(name, more):
    return {name: put(GOOD[name], content=GOOD[name].content + more.encode())}


NOTHING = dict.fromkeys(GOOD)
ROOTLESS = (
    *("the shell starts", "the release is named", "root has uid 0", "shadow is closed"),
    *("the distribution is described",),
)

CASES = [
    Case("names stay inside", "../../etc/cron.d/x", {"../../etc/cron.d/x": Piece(b"x")}),
    Case("names stay inside", "etc/../../x", {"etc/../../x": Piece(b"x")}),
    Case("it is a Linux", "neither /etc nor /bin/sh", {**NOTHING, "rootfs/bin/sh": program()}, ROOTLESS),
    Case("the shell starts", "no program of this archive", {"usr/bin/sh": None}),
    Case("the shell starts", "no program of this archive", {"usr/bin/sh": link("../../bin/busybox")}),
    Case("the shell starts", "no program that starts", {"usr/bin/dash": program(b"#!/usr/bin/env python3\n")}),
    Case("the shell starts", "no program that starts", {"usr/bin/dash": program(mode=0o644)}),
    Case("the release is named", "no /etc/os-release", {"usr/lib/os-release": None}),
    Case("the release is named", "no ID", {"usr/lib/os-release": Piece(b"NAME=x\nVARIANT_ID=y\n")}),
    Case("root has uid 0", "no root with uid 0", text("etc/passwd", "root:x:0", "root:x:1")),
    Case("root has uid 0", "root and toor share the uid 0", lines("etc/passwd", "toor:x:0:0::/:/bin/sh\n")),
    Case("root has uid 0", "/etc/passwd is no file", {"etc/passwd": link("/proc/1/root/etc/passwd")}),
    Case("root has uid 0", "/etc/passwd is no file", {"etc/passwd": link("../../../../../../../../etc/hostname")}),
    Case("root has uid 0", "/etc/passwd is no file", {"etc/passwd": link("passwd")}),
    Case("shadow is closed", "mode 0644", {"etc/shadow": put(GOOD["etc/shadow"], mode=0o644)}),
    Case("shadow is closed", "no /etc/shadow", {"etc/shadow": None}),
    Case("the distribution is described", "no /etc/wsl-distribution.conf", {DISTRO: None}),
    Case("the configuration is root's", "mode 0600", {DISTRO: put(GOOD[DISTRO], mode=0o600)}),
    Case("the configuration is root's", "belongs to 1000:1000", {CONF: put(GOOD[CONF], uid=1000, gid=1000)}),
    Case("the configuration is known", "oobe.commands is no key", lines(DISTRO, "[oobe]\ncommands=x\n")),
    Case("the configuration is known", "boot.systemctl is no key", lines(CONF, "systemctl=true\n")),
    Case("the configuration is known", "cannot be read", lines(CONF, "[automount\n")),
    Case("no Windows line ends", "/etc/wsl.conf has", {CONF: Piece(b"[boot]\r\nsystemd=true\r\n")}),
    Case("no Windows line ends", "oobe.sh has", {OOBE: program(b"#!/bin/sh\r\nexit 0\r\n")}),
    Case("the default name is allowed", "'my distro'", text(DISTRO, "=dgops\n", "=my distro\n")),
    Case("the first program runs", "no file of this archive", {OOBE: None}),
    Case("the first program runs", "mode 0644", {OOBE: put(GOOD[OOBE], mode=0o644)}),
    Case("the first program runs", "belongs to 1000:0", {OOBE: put(GOOD[OOBE], uid=1000)}),
    Case("the first program runs", "neither #!", {OOBE: program(b"echo hello\n")}),
    Case("the icon is one", "no file of this archive", {ICON: None}),
    Case("the icon is one", "bytes", {ICON: Piece(b"\0" * ((1 << 20) + 1))}),
    Case("the icon is one", "no Windows icon", {ICON: Piece(b"\x89PNG")}),
    Case("the icon is one", "mode 0600", {ICON: put(GOOD[ICON], mode=0o600)}),
    Case("the icon is one", "..", text(DISTRO, "wsl/dgops.ico", "wsl/../wsl/dgops.ico")),
    Case("the terminal's profile is JSON", "no JSON", {PROFILE: Piece(b"{")}),
    Case("the terminal's profile is JSON", "no JSON", {PROFILE: Piece(b"[" * 100_000)}),
    Case("the terminal's profile is JSON", "no file of this archive", {PROFILE: None}),
    Case("systemd starts", "no /sbin/init", {"usr/sbin/init": None}),
    Case("systemd starts", "no program", {SYSTEMD["systemd"]: program(b"#!/bin/sh\n")}),
    Case("systemd starts", "mode 0700", {SYSTEMD["systemd"]: program(mode=0o700)}),
    Case("no GPU libraries", "libcuda.so.1", {"usr/lib/wsl/lib/libcuda.so.1": Piece(b"x")}),
    Case("a default name is given", "no oobe.defaultName", text(DISTRO, "defaultName=dgops\n", "")),
    Case(
        "the first program lies in its place",
        "/opt/oobe.sh",
        {**text(DISTRO, "/usr/lib/wsl/oobe.sh", "/opt/oobe.sh"), "opt/oobe.sh": GOOD[OOBE]},
    ),
    Case("the default uid is 1000", "is 1001", text(DISTRO, "=1000", "=1001")),
    Case("the default uid is free", "seanf has the uid 1000", lines("etc/passwd", "seanf:x:1000:1000::/:/x\n")),
    Case(
        "the icon lies in its place",
        "/opt/x.ico",
        {**text(DISTRO, "/usr/lib/wsl/dgops.ico", "/opt/x.ico"), "opt/x.ico": GOOD[ICON]},
    ),
    Case("the default user is WSL's", "user.default=seanf", lines(CONF, "[user]\ndefault=seanf\n")),
    Case("no passwords travel", "root has a password", text("etc/shadow", "root:*", "root:$y$j9T$abc")),
    Case("no passwords travel", "root needs no password", text("etc/shadow", "root:*", "root:")),
    Case(
        "no attributes that WSL 1 lacks",
        "security.selinux on usr/bin/dash",
        {"usr/bin/dash": program(pax={"SCHILY.xattr.security.selinux": "x"})},
    ),
    Case(
        "no discouraged units",
        "systemd-resolved.service is enabled",
        {f"{SYSTEMD['wants']}systemd-resolved.service": link("/lib/systemd/system/systemd-resolved.service")},
    ),
    Case("no resolv.conf", "/etc/resolv.conf", {"etc/resolv.conf": Piece(b"nameserver 10.0.0.1\n")}),
    Case("no kernel", "boot/vmlinuz-6.1", {"boot/vmlinuz-6.1": Piece(b"x")}),
    Case("no identity travels", "ssh_host_rsa_key", {"etc/ssh/ssh_host_rsa_key": Piece(b"x", mode=0o600)}),
    Case("no identity travels", "machine-id is set", {"etc/machine-id": Piece(b"0123456789abcdef0123456789abcdef\n")}),
]
