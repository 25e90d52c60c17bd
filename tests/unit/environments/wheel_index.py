"""Indexes of wheels that are built in the test: the ordinary one, and one of the torch family."""

import base64
import functools
import hashlib
import http.server
import threading
import urllib.parse
import zipfile
from contextlib import contextmanager


def wheel(folder, name, version, *needs):
    """Build a wheel that holds nothing but its own description."""
    info = f"{name.replace('-', '_')}-{version}"
    path = folder / f"{info}-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {one}" for one in needs),
    ]
    files = {
        f"{info}.dist-info/METADATA": "\n".join(lines) + "\n",
        f"{info}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    with zipfile.ZipFile(path, "w") as archive:
        for inner, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            rows.append(f"{inner},sha256={digest},{len(text)}\n")
            archive.writestr(zipfile.ZipInfo(inner), text)
        archive.writestr(zipfile.ZipInfo(f"{info}.dist-info/RECORD"), "".join(rows) + f"{info}.dist-info/RECORD,,\n")
    return path


def sha256(path):
    """Return the digest that a lock must hold."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def simple(root, wheels):
    """Write a simple index's pages for wheels, which lie in it."""
    pages = {}
    for path in wheels:
        name = path.name.split("-")[0].replace("_", "-")
        link = f'<a href="{urllib.parse.quote(path.name)}#sha256={sha256(path)}">{path.name}</a>'
        pages.setdefault(name, []).append(link)
        target = root / name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    for name, links in pages.items():
        (root / name / "index.html").write_text(f"<!DOCTYPE html><html><body>{' '.join(links)}</body></html>")


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and keeps silent."""

    def log_message(self, *_):
        pass


@contextmanager
def served(root):
    """Serve a folder on loopback; yields its URL."""
    handler = functools.partial(Quiet, directory=str(root))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
