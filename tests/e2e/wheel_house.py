"""Wheels made in a test, locks of them, and an index on the loopback that they are downloaded from."""

import atexit
import base64
import functools
import hashlib
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from pathlib import Path

from dgops.agent import wheel_fetch

ROOT = Path(__file__).parents[2]
# The agent, with pip from another place.
PROGRAM = """
import sys
from dgops.agent import __main__, wheel_fetch
pip = sys.argv.pop()
wheel_fetch._pip = lambda: [sys.executable, pip]
sys.exit(__main__.main())
"""
EPOCH = (1980, 1, 1, 0, 0, 0)


def build(folder, name, version="1.0", tag="py3-none-any", content=b"value = 1\n", record=True):
    """Write a wheel that pip takes; the same arguments give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": content,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    rows = [f"{inner},sha256={urlsafe(data)},{len(data)}" for inner, data in files.items()]
    if record:
        files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    with zipfile.ZipFile(path, "w") as wheel:
        for inner, data in files.items():
            wheel.writestr(zipfile.ZipInfo(inner, EPOCH), data)
    return path


def urlsafe(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def sha(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def lock(*wheels):
    """Return the text of a lock: wheels of the same name and version share a line, as in a universal lock."""
    lines = {}
    for wheel in wheels:
        name, version = wheel.name.split("-")[:2]
        lines.setdefault(f"{name}=={version}", []).append(f"    --hash=sha256:{sha(wheel)}")
    return "".join(" \\\n".join([head, *hashes]) + "\n" for head, hashes in lines.items())


class Index:
    """A simple index of the wheels in a folder, as pip reads it; what is asked of it is kept in `asked`."""

    def __init__(self, folder):
        self.folder = folder
        self.asked = []
        # A file named here is sent by half; then `halfway` is set, and the rest waits for `released`.
        self.slow = ""
        self.halfway, self.released = threading.Event(), threading.Event()
        handler = type("Handler", (_Handler,), {"index": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def environment(self):
        """The environment in which pip asks this index and no other."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
        url = f"http://127.0.0.1:{self.server.server_address[1]}/simple/"
        return {**kept, "PIP_INDEX_URL": url, "PIP_CONFIG_FILE": os.devnull, "NO_PROXY": "127.0.0.1"}

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    index: Index

    def log_message(self, *_words):
        pass

    def do_GET(self):
        self.index.asked.append(self.path)
        kind, name = self.path.strip("/").split("/", 1)
        if kind == "simple":
            wheels = sorted(self.index.folder.glob(f"{name.replace('-', '_')}-*.whl"))
            page = "".join(f'<a href="/files/{wheel.name}">{wheel.name}</a>\n' for wheel in wheels)
            self._send(page.encode(), "text/html")
        else:
            self._send((self.index.folder / name).read_bytes(), "application/octet-stream", name == self.index.slow)

    def _send(self, data, kind, slow=False):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        half = len(data) // 2
        try:
            self.wfile.write(data[:half])
            if slow:
                self.wfile.flush()
                self.index.halfway.set()
                self.index.released.wait(60)
            self.wfile.write(data[half:])
        except OSError:
            # Whoever asked was killed.
            return


@functools.cache
def unpacked_pip():
    """Return the pip that the agent runs, out of its wheel: in there, Python compiles all of it at each start."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    with zipfile.ZipFile(Path(wheel_fetch._pip()[1]).parent) as wheel:
        wheel.extractall(folder.name)
    return str(Path(folder.name) / "pip")


class House:
    """A cache, an index with wheels, and the agent as a controller calls it: one process an op."""

    def __init__(self, folder):
        self.folder = folder
        self.agent = [sys.executable, "-c", PROGRAM, "wheels", unpacked_pip()]
        self.cache, self.shop = folder / "cache", folder / "shop"
        self.cache.mkdir(parents=True)
        self.shop.mkdir()
        self.index = Index(self.shop)
        # Where nobody listens: as a host without a network.
        self.offline = {**self.index.environment, "PIP_INDEX_URL": "http://127.0.0.1:9/simple/", "PIP_RETRIES": "0"}

    def start(self, op, locks, offline=False, **more):
        """Start one op; `locks` maps names to texts."""
        texts = [{"name": name, "text": text} for name, text in locks.items()]
        request = {"op": op, "cache": str(self.cache), "locks": texts, **more}
        child = subprocess.Popen(
            self.agent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**(self.offline if offline else self.index.environment), "HOME": str(self.folder)},
        )
        child.stdin.write(json.dumps(request) + "\n")
        child.stdin.close()
        child.stdin = None
        return child

    def ask(self, op, locks, **more):
        """Run one op to its end and return its answer."""
        code, answer, errors = self.end(self.start(op, locks, **more))
        assert code == 0, errors
        return answer

    def refused(self, op, locks, **more):
        """Run one op that must fail and return what it said."""
        code, answer, errors = self.end(self.start(op, locks, **more))
        assert code == 1, answer
        return errors

    def end(self, child):
        output, errors = child.communicate(timeout=120)
        return child.returncode, json.loads(output or "null"), errors

    def names(self):
        """Return what lies in the cache under a final name."""
        return sorted(path.name for path in self.cache.iterdir() if not path.name.startswith("."))

    def close(self):
        self.index.close()
