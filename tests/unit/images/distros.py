"""Small tars that look like a distribution, and what may be changed in one."""

import io
import json
import tarfile
from dataclasses import dataclass, field

from dgops.images.icon import ico

ELF = b"\x7fELF\x02\x01\x01"


@dataclass(frozen=True)
class Piece:
    """One entry of a tar: a file with content, or what `type` says."""

    content: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    type: bytes = tarfile.REGTYPE
    target: str = ""
    pax: dict = field(default_factory=dict)


def link(target):
    return Piece(type=tarfile.SYMTYPE, target=target, mode=0o777)


def program(content=ELF, **more):
    return Piece(content, **{"mode": 0o755, **more})


GOOD = {
    "bin": link("usr/bin"),
    "sbin": link("usr/sbin"),
    "usr/bin/dash": program(),
    "usr/bin/sh": link("dash"),
    "usr/lib/systemd/systemd": program(),
    "usr/sbin/init": link("/lib/systemd/systemd"),
    "lib": link("usr/lib"),
    "etc/os-release": link("../usr/lib/os-release"),
    "usr/lib/os-release": Piece(b'ID=debian\nNAME="Debian GNU/Linux"\n'),
    "etc/passwd": Piece(b"root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"),
    "etc/shadow": Piece(b"root:*:20000:0:99999:7:::\nnobody:!:20000:0:99999:7:::\n", mode=0o640, gid=42),
    "etc/machine-id": Piece(),
    "etc/wsl.conf": Piece(b"[boot]\nsystemd=true\n"),
    "etc/wsl-distribution.conf": Piece(
        b"[oobe]\ncommand=/usr/lib/wsl/oobe.sh\ndefaultUid=1000\ndefaultName=dgops\n[shortcut]\n"
        b"icon=/usr/lib/wsl/dgops.ico\n[windowsterminal]\nprofileTemplate=/usr/lib/wsl/terminal-profile.json\n"
    ),
    "usr/lib/wsl/oobe.sh": program(b"#!/bin/sh\nexit 0\n"),
    "usr/lib/wsl/dgops.ico": Piece(ico()),
    "usr/lib/wsl/terminal-profile.json": Piece(json.dumps({"profiles": []}).encode()),
}


def tar_of(pieces, prefix="./"):
    """Return the bytes of a tar; a piece that is None is left out."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, piece in pieces.items():
            if piece is None:
                continue
            info = tarfile.TarInfo(prefix + name)
            info.type, info.linkname, info.mode = piece.type, piece.target, piece.mode
            info.uid, info.gid, info.size, info.pax_headers = piece.uid, piece.gid, len(piece.content), piece.pax
            tar.addfile(info, io.BytesIO(piece.content))
    return out.getvalue()
