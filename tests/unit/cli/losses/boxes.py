"""Light pods for the double, and the way into them: JSON and bytes over a connection that is cut when the pod dies."""

import base64
import contextlib
import io
import json
import os
import py_compile
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

from dgops.errors import HostKeyError, UnreachableError
from dgops.sandbox.runpod.cloud import NEVER
from dgops.transport import agent
from dgops.transport.exchange import left
from dgops.transport.known_hosts import KnownHosts, fingerprint
from dgops.transport.protocol import Completed

# Seconds of the keeper's clock in one of ours.
RATE = 100.0
# What a public key of that kind begins with.
ED25519 = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"


def shipped(folder):
    """Put the agent's zip, compiled as hosts do it, into a folder and return its path."""
    made = folder / f"{agent.digest()}.pyz"
    buffer = io.BytesIO(agent.archive())
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(made, "w") as new:
        for entry in old.infolist():
            source = folder / "source.py"
            source.write_bytes(old.read(entry))
            mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
            py_compile.compile(str(source), f"{source}c", dfile=entry.filename, doraise=True, invalidation_mode=mode)
            new.write(source, entry.filename)
            new.write(f"{source}c", f"{entry.filename}c")
    return made


class Nursery:
    """The process that light pods come from; they end with it."""

    def __init__(self, folder):
        program = Path(__file__).with_name("nursery.py")
        # A long line leaves room for others: see `retitle`.
        self.process = subprocess.Popen(
            [sys.executable, "-I", program, shipped(folder), str(RATE), "-" * 200],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lock = threading.Lock()

    def bear(self, order):
        """Return the number of a new pod's first process."""
        with self.lock:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
            told = self.process.stdout.readline().split()
        # Who forks and who is forked tell in any order.
        assert sorted(told)[1:] == ["up"], told
        return int(min(told))

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.kill()
        self.process.wait(timeout=20)


class Boxes:
    """Where the double's pods run: `firsts` holds each one's first process, `ends` when each was killed."""

    def __init__(self, nursery, folder):
        self.nursery, self.folder = nursery, folder
        self.firsts, self.keys, self.ends = {}, {}, {}
        self.told = folder / "told"
        self.told.mkdir()

    def start(self, pod, slow):
        # A restart in place ends the one that runs.
        self.stop(pod.id, 0)
        with socket.socket() as free:
            # Who forks now takes it along: one that listens would be in the pod's way.
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind((pod.ip, 0))
            port = free.getsockname()[1]
        volume = self.volume(pod)
        if volume:
            volume.mkdir(parents=True, exist_ok=True)
        place = self.folder / "disks" / f"{pod.id}-{pod.turn}"
        place.mkdir(parents=True)
        self.keys[pod.id] = f"ssh-ed25519 {base64.b64encode(ED25519 + secrets.token_bytes(32)).decode()}"
        order = {
            "place": str(place),
            "told": str(self.told),
            "volume": str(volume) if volume else "",
            "ip": pod.ip,
            "port": 0 if slow >= NEVER else port,
            "key": self.keys[pod.id],
            "env": {"RUNPOD_POD_ID": pod.id, "RUNPOD_API_KEY": pod.key, **pod.body.get("env", {})},
        }
        self.firsts[pod.id] = self.nursery.bear(order)
        return port

    def stop(self, pod_id, grace):
        first = self.firsts.pop(pod_id, None)
        if first is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(first, signal.SIGTERM)
            time.sleep(grace)
            self.ends[pod_id] = time.monotonic()
            os.kill(first, signal.SIGKILL)
        until = time.monotonic() + 20
        while os.path.exists(f"/proc/{first}"):
            assert time.monotonic() < until, "the pod does not end"
            time.sleep(0.002)

    def remove(self, pod):
        self.stop(pod.id, 0)
        if not pod.volume_id and pod.disk_gb:
            shutil.rmtree(self.volume(pod), ignore_errors=True)

    def drop_volume(self, volume_id):
        shutil.rmtree(self.folder / "volumes" / volume_id)

    def log(self, pod_id):
        return [("2026-06-01T12:00:00Z", f"256 {fingerprint(self.keys[pod_id])} root@{pod_id} (ED25519)")]

    def volume(self, pod):
        name = pod.volume_id or (pod.disk or pod.id if pod.disk_gb else "")
        return self.folder / "volumes" / name if name else None

    def root(self, pod_id):
        """Return the disk of a pod that runs, as seen from here."""
        return Path(f"/proc/{self.firsts[pod_id]}/root")


def shown(address, port, patience):
    """Return the host keys that a pod shows, as ssh-keyscan would."""
    with knock(address, port, patience) as (_, key):
        return [key]


@contextlib.contextmanager
def knock(address, port, patience):
    try:
        link = socket.create_connection((address, port), timeout=patience)
        stream = link.makefile("rb")
        greeting = stream.readline().decode().strip()
    except OSError as error:
        raise UnreachableError(f"{address} port {port}: {error}") from None
    try:
        if not greeting.startswith("SSH-2.0-box "):
            raise UnreachableError(f"{address} port {port} hung up")
        yield link, greeting.partition(" ")[2]
    finally:
        stream.close()
        link.close()


class Way:
    """An open connection to a pod whose key is pinned."""

    def __init__(self, host, settings):
        self.name = host.name
        self.host, self.settings = host, settings
        self.held = contextlib.ExitStack()
        self.link, key = self.held.enter_context(knock(host.address, host.port, settings.connect_timeout))
        self.stream = self.link.makefile("rb")
        if key not in KnownHosts(settings.state / "known_hosts").keys(host.alias):
            self.close()
            raise HostKeyError(f"{host.name}: another key is shown than was pinned")

    def run(self, argv, *, stdin=b"", timeout=60.0):
        return Completed(tuple(argv), *self._asked({"argv": list(argv)}, stdin, timeout), 0.1)

    def open(self, argv):
        return Said(self.host, self.settings, argv)

    def put(self, content, remote, *, mode=0o600):
        del mode
        self._asked({"put": remote}, content if isinstance(content, bytes) else content.read_bytes(), 60.0)

    def close(self):
        if hasattr(self, "stream"):
            self.stream.close()
        self.held.close()

    def _asked(self, asked, content, timeout):
        try:
            self.link.settimeout(timeout)
            self.link.sendall(json.dumps({**asked, "length": len(content)}).encode() + b"\n" + content)
            head = json.loads(self.stream.readline())
            output, errors = self._read(head["output"]), self._read(head["errors"])
        except (OSError, ValueError) as error:
            raise UnreachableError(f"{self.name}: the connection was lost ({error})") from None
        return head["code"], output, errors

    def _read(self, length):
        content = self.stream.read(length)
        if len(content) != length:
            raise OSError("cut in the middle of an answer")
        return content


class Said:
    """A command that is talked with, on a connection of its own."""

    def __init__(self, host, settings, argv):
        self.name = host.name
        self.held = contextlib.ExitStack()
        self.link, _ = self.held.enter_context(knock(host.address, host.port, settings.connect_timeout))
        self.send(json.dumps({"open": list(argv), "length": 0}).encode() + b"\n", time.monotonic() + 60)
        # What is sent before it has begun would be read by somebody else.
        for _ in b"opened\n":
            self.link.recv(1)

    def send(self, data, until):
        self.link.settimeout(left(until))
        with contextlib.suppress(ConnectionError):
            self.link.sendall(data)

    def receive(self, until):
        self.link.settimeout(left(until))
        try:
            return self.link.recv(1 << 16)
        except ConnectionError:
            return b""

    def close(self):
        self.held.close()
