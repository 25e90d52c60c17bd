"""The double's process: serves until it is told to end; started by `dgops sandbox runpod up`."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

from dgops import settings as settings_room
from dgops.files import write_atomic, write_json
from dgops.sandbox.layout import layout_of
from dgops.sandbox.runpod.cloud import Cloud
from dgops.sandbox.runpod.door import Door
from dgops.sandbox.runpod.machines import Containers
from dgops.sandbox.runpod.server import Server


def main(root: str, state: str, cache: str) -> None:
    """Serve the double of one sandbox; what it knows survives it."""
    settings = settings_room.load(Path(root), {"state": state, "cache": cache})
    layout = layout_of(settings)
    folder = layout.folder / "runpod"
    key = (folder / "key").read_text().strip()
    containers = Containers(layout)
    cloud = Cloud(containers, folder / "cloud.json")
    if (folder / "cloud.json").is_file():
        cloud.load(json.loads((folder / "cloud.json").read_text()))
    server = _server(cloud, key, folder / "port")
    containers.door = Door(server, folder / "door.json")
    containers.door.open_again()
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start())
    write_json(folder / "server.json", {"pid": os.getpid(), "url": server.url}, 0o600)
    server.serve_forever(poll_interval=0.1)


def _server(cloud: Cloud, key: str, file: Path) -> Server:
    """Return a server on the port of the one before it, where that is free: pods know it by its address."""
    try:
        server = Server(cloud, key, int(file.read_text()))
    except (OSError, ValueError, OverflowError):
        server = Server(cloud, key)
    write_atomic(file, f"{server.server_address[1]}\n", 0o600)
    return server


if __name__ == "__main__":
    main(*sys.argv[1:4])
