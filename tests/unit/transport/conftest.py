"""A private sshd on loopback, with keys of its own: the other end of the real transport."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from dgops import settings as settings_room
from dgops.hosts.host import Host
from dgops.transport.known_hosts import KnownHosts, normal

CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_ed25519
HostKey {folder}/host_rsa
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowTcpForwarding yes
Subsystem sftp internal-sftp
"""

REACH = """\
import os, shutil, socket, sys, threading
reached = socket.create_connection((sys.argv[1], int(sys.argv[2])))
away = (os.fdopen(0, "rb", 0), reached.makefile("wb", 0))
threading.Thread(target=shutil.copyfileobj, args=away, daemon=True).start()
shutil.copyfileobj(reached.makefile("rb", 0), os.fdopen(1, "wb", 0))
"""


@dataclass(frozen=True)
class Sshd:
    folder: Path
    port: int
    user: str

    @property
    def identity(self):
        return self.folder / "login"

    @property
    def keys(self):
        return [normal((self.folder / f"host_{kind}.pub").read_text()) for kind in ("ed25519", "rsa")]

    def host(self, name="pod", **changes):
        values = {"address": "127.0.0.1", "port": self.port, "user": self.user, "identity": self.identity}
        return Host(name, **values | changes)


def make_key(path, kind="ed25519", passphrase=""):
    argv = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "test", "-f", str(path)]
    subprocess.run(argv, check=True, timeout=60)
    return path


@pytest.fixture(scope="session")
def sshd(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("sshd")) as found:
        yield found


@contextlib.contextmanager
def serving(folder, more=""):
    """Yield an sshd whose configuration has some lines more."""
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    if not Path(program).exists():
        pytest.skip("sshd is not installed (apt-get install openssh-server)")
    for name, kind in (("host_ed25519", "ed25519"), ("host_rsa", "rsa"), ("login", "ed25519")):
        make_key(folder / name, kind)
    shutil.copy(folder / "login.pub", folder / "authorized_keys")
    port = free_port()
    (folder / "config").write_text(CONFIG.format(port=port, folder=folder) + more)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([program, "-D", "-e", "-f", str(folder / "config")], stderr=log)
    try:
        wait_for(port)
        yield Sshd(folder, port, pwd.getpwuid(os.geteuid()).pw_name)
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def narrow(tmp_path_factory, known_hosts):
    """A host that allows one session at a time on a connection."""
    with serving(tmp_path_factory.mktemp("narrow"), "MaxSessions 1\n") as server:
        host = server.host("narrow")
        known_hosts.pin(host.alias, server.keys)
        yield host


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "dgops.toml").write_text("connect_timeout = 3\n")
    return settings_room.load(tmp_path)


@pytest.fixture
def known_hosts(settings):
    return KnownHosts(settings.state / "known_hosts")


@pytest.fixture
def pod(sshd, known_hosts):
    """A host whose keys are pinned."""
    host = sshd.host()
    known_hosts.pin(host.alias, sshd.keys)
    return host


@pytest.fixture
def transport(pod, settings):
    from dgops.transport.connect import connect

    opened = connect(pod, settings)
    yield opened
    opened.close()


@pytest.fixture
def other_key(tmp_path):
    """A host key that nobody here has."""
    return normal(make_key(tmp_path / "other").with_suffix(".pub").read_text())


@pytest.fixture
def proxy_command(tmp_path):
    """A ProxyCommand that needs no program but Python."""
    script = tmp_path / "reach.py"
    script.write_text(REACH)
    return f"python3 {script} %h %p"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_for(port):
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("sshd did not start")
