"""Brings up light pods: a process tree, disk and first process of their own, over this machine's own disk.

Run as root by `boxes.py`: a line of JSON on stdin asks for a pod, the answer is its first process and its port. Within,
the agent is the one that was shipped; only its clock runs faster, and jumps when a test says so.
"""

import contextlib
import ctypes
import importlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path

ZIP = sys.argv[1]
RATE = float(sys.argv[2])
sys.path.insert(0, ZIP)
NEWNS, NEWPID = 0x20000, 0x20000000
PRIVATE, BIND = 0x44000, 0x5000
LOGIN = {
    "HOME": "/root",
    "USER": "root",
    "LOGNAME": "root",
    "SHELL": "/bin/bash",
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
}
# What a test tells a pod and what it is told, for the life of the test.
TOLD = Path("/mnt/told")
kernel = ctypes.CDLL(None, use_errno=True)

from dgops.agent import __main__ as front  # noqa: E402
from dgops.agent import process, spend_guard, spend_meter, watch  # noqa: E402

for name in [*front.COMMANDS.values(), *front.STREAMS.values(), "dgops.agent.spend_stop", "encodings.idna"]:
    importlib.import_module(name)


class Clock:
    """The module time for the keeper: its seconds are short ones, and some pass all at once."""

    time, gmtime, strftime = staticmethod(time.time), staticmethod(time.gmtime), staticmethod(time.strftime)

    @staticmethod
    def monotonic():
        return time.monotonic() * RATE + leap("idle")

    @staticmethod
    def sleep(seconds):
        time.sleep(seconds / RATE)


def leap(what):
    try:
        return json.loads((TOLD / "leap").read_text()).get(what, 0.0)
    except (OSError, ValueError):
        return 0.0


def hasten():
    """Give the keeper its clock, and have it say which edits a round was to see."""
    running, once = spend_meter.running, watch._round

    def told(guard, reason=""):
        began = time.monotonic()
        done = once(guard, reason)
        with (TOLD / "rounds").open("a") as stream:
            stream.write(json.dumps({"pod": scan_id(), "began": began, "troubles": done["troubles"]}) + "\n")
        return done

    def kept():
        try:
            keep()
        except BaseException:
            (TOLD / "broken").write_text(traceback.format_exc())
            raise

    keep, watch.keep = watch.keep, kept
    watch.time = spend_guard.time = Clock
    spend_meter.running = lambda: running() * RATE + leap("running")
    watch._round = told


def scan_id():
    return spend_meter.environment().get("RUNPOD_POD_ID", "")


def must(code, what):
    if code != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), what)


def mount(source, target, kind=None, flags=0, options=None):
    os.makedirs(target, exist_ok=True)
    words = [None if word is None else str(word).encode() for word in (source, target, kind)]
    must(kernel.mount(*words, flags, options.encode() if options else None), target)


def disk(order):
    """Make the pod's disk: this machine's to read, a new one to write, gone with the pod's first process."""
    top = order["place"]
    mount("none", "/", None, PRIVATE)
    mount("tmpfs", top, "tmpfs")
    for name in ("up", "work", "root"):
        os.mkdir(f"{top}/{name}")
    root = f"{top}/root"
    mount("overlay", root, "overlay", 0, f"lowerdir=/,upperdir={top}/up,workdir={top}/work")
    mount(order["told"], f"{root}{TOLD}", None, BIND)
    if order["volume"]:
        mount(order["volume"], f"{root}/workspace", None, BIND)
    mount("proc", f"{root}/proc", "proc")
    mount("/dev", f"{root}/dev", None, BIND)
    # Not all of /root: Python itself may lie there.
    for name in ("root/.cache/dgops", "tmp", "run"):
        mount("tmpfs", f"{root}/{name}", "tmpfs")
    carried = f"{root}/root/.cache/dgops/compiled/{os.path.basename(ZIP)}"
    os.makedirs(os.path.dirname(carried))
    shutil.copy(ZIP, carried)
    os.chroot(root)
    os.chdir("/root")
    os.makedirs("/app", exist_ok=True)


def bring_up(order, told):
    """Become a pod and never return; its first process knows what it was rented with, and nobody else does."""
    process.control(process.PR_SET_PDEATHSIG, signal.SIGKILL)
    must(kernel.unshare(NEWNS | NEWPID), "unshare")
    first = os.fork()
    if first:
        os.write(told, b" %d " % first)
        os.close(told)
        os.waitpid(first, 0)
        os._exit(0)
    process.control(process.PR_SET_PDEATHSIG, signal.SIGKILL)
    disk(order)
    listener = None
    if order["port"]:
        listener = socket.create_server((order["ip"], order["port"]))
    if listener and os.fork() == 0:
        os.close(told)
        door(listener, order)
    os.write(told, b" up ")
    os.closerange(0, 1024)
    os.open(os.devnull, os.O_RDWR)
    os.execve("/bin/sleep", ["sleep", "infinity"], order["env"])


def door(listener, order):
    """Let in whoever comes, as sshd does: one process for each."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    hasten()
    while True:
        link, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            with contextlib.suppress(OSError):
                serve(link, order["key"])
            os._exit(0)
        link.close()


def serve(link, key):
    link.sendall(f"SSH-2.0-box {key}\r\n".encode())
    stream = link.makefile("rb")
    for line in stream:
        asked = json.loads(line)
        if "open" in asked:
            link.sendall(b"opened\n")
            talk(asked["open"], link.fileno())
        content = stream.read(asked["length"])
        code, output, errors = put(asked, content) if "put" in asked else run(asked["argv"], content)
        head = {"code": code, "output": len(output), "errors": len(errors)}
        link.sendall(json.dumps(head).encode() + b"\n" + output + errors)


def put(asked, content):
    path = Path("/root") / asked["put"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return 0, b"", b""


def run(argv, content):
    words = argv[4:] if argv[:2] == ["sh", "-c"] and argv[3:4] == ["dgops"] else argv
    if len(words) == 3 and words[0] == "python3" and words[1].endswith(".pyz") and os.path.exists(words[1]):
        return agent(words, content)
    done = subprocess.run(argv, input=content, capture_output=True, env=LOGIN, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def agent(words, content):
    """Answer as `python3 ZIP COMMAND` would; its modules are loaded already, which is most of what that takes."""
    files = [os.memfd_create(name) for name in ("in", "out", "err")]
    os.write(files[0], content) if content else None
    os.lseek(files[0], 0, os.SEEK_SET)
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.setsid()
            for number, file in enumerate(files):
                os.dup2(file, number)
            os.closerange(3, 1024)
            retitle(words)
            os.environ.clear()
            os.environ.update(LOGIN)
            sys.argv = words[1:]
            sys.stdin, sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(one, mode)) for one, mode in IO)
            code = front.main()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    contents = [os.pread(file, os.fstat(file).st_size, 0) for file in files[1:]]
    for file in files:
        os.close(file)
    return code, contents[0], contents[1]


def talk(argv, connection):
    """Be the agent that is talked with over this connection, for as long as it lasts."""
    words = argv[4:]
    if not os.path.exists(words[1]):
        os._exit(2)
    null = os.open(os.devnull, os.O_RDWR)
    for number, file in enumerate((connection, connection, null)):
        os.dup2(file, number)
    os.closerange(3, 1024)
    retitle(words)
    os.environ.clear()
    os.environ.update(LOGIN)
    sys.argv = words[1:]
    sys.stdin, sys.stdout = (os.fdopen(number, mode) for number, mode in IO[:2])
    os._exit(front.main())


IO = ((0, "r"), (1, "w"), (2, "w"))


def retitle(words):
    """Show another command line: by it the keeper knows a job."""
    with open("/proc/self/stat", "rb") as stream:
        fields = stream.read().rsplit(b")", 1)[1].split()
    begin, end = int(fields[45]), int(fields[46])
    title = b"".join(word.encode() + b"\0" for word in words)
    ctypes.memmove(begin, title.ljust(end - begin, b"\0")[: end - begin], end - begin)


def main():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    process.control(process.PR_SET_CHILD_SUBREAPER, 1)
    for line in sys.stdin:
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.close(reader)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                bring_up(json.loads(line), writer)
            finally:
                os._exit(1)
        os.close(writer)
        with open(reader) as said:
            sys.stdout.write(said.read() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
