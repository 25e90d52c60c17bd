"""An OCI archive of one layer, written as the specification says it: no engine's clock or name gets into it."""

from __future__ import annotations

import json
import tarfile
from datetime import datetime, timezone
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any

from dgops.files import digest_bytes
from dgops.images.tarball import pack

if TYPE_CHECKING:
    from pathlib import Path

    from dgops.images.source import Commit
    from dgops.images.tarball import Packed

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TYPE = "application/vnd.oci.image"
_LAYER = f"{_TYPE}.layer.v1.tar+gzip"


def write(root: Path, out: Path, commit: Commit) -> None:
    """Write the image of a tree; `podman load` takes it, and so does what pushes it to a registry."""
    layer = out.with_name(f"{out.name}.layer")
    try:
        packed = pack(root, layer, commit.epoch)
        config = _bytes(_config(packed, commit))
        manifest = _bytes(_manifest(packed, config))
        with tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as archive:
            _add(archive, "oci-layout", _bytes({"imageLayoutVersion": "1.0.0"}), commit.epoch)
            _add(archive, "index.json", _bytes(_index(manifest, commit)), commit.epoch)
            for blob in (config, manifest):
                _add(archive, f"blobs/sha256/{digest_bytes(blob)}", blob, commit.epoch)
            with layer.open("rb") as stream:
                _add_stream(archive, f"blobs/sha256/{packed.sha256}", stream, packed.size, commit.epoch)
    finally:
        layer.unlink(missing_ok=True)


def _config(packed: Packed, commit: Commit) -> dict[str, Any]:
    created = datetime.fromtimestamp(commit.epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "architecture": "amd64",
        "os": "linux",
        "created": created,
        "config": {
            "Cmd": ["/start.sh"],
            "Env": [_PATH],
            "ExposedPorts": {"22/tcp": {}},
            "Labels": {"org.opencontainers.image.revision": commit.name},
            "WorkingDir": "/",
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{packed.inner}"]},
        "history": [{"created": created, "created_by": f"dgops image build, commit {commit.name}"}],
    }


def _manifest(packed: Packed, config: bytes) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": f"{_TYPE}.manifest.v1+json",
        "config": _described(f"{_TYPE}.config.v1+json", digest_bytes(config), len(config)),
        "layers": [_described(_LAYER, packed.sha256, packed.size)],
    }


def _index(manifest: bytes, commit: Commit) -> dict[str, Any]:
    entry = _described(f"{_TYPE}.manifest.v1+json", digest_bytes(manifest), len(manifest))
    entry["annotations"] = {"org.opencontainers.image.ref.name": f"localhost/dgops-pod:{commit.short}"}
    return {"schemaVersion": 2, "mediaType": f"{_TYPE}.index.v1+json", "manifests": [entry]}


def _described(kind: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": size}


def _bytes(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _add(archive: tarfile.TarFile, name: str, content: bytes, epoch: int) -> None:
    _add_stream(archive, name, BytesIO(content), len(content), epoch)


def _add_stream(archive: tarfile.TarFile, name: str, stream: IO[bytes], size: int, epoch: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, epoch, 0o644
    archive.addfile(info, stream)
