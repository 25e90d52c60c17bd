"""A temporary folder with sandbox hosts, and the command lines that reach them with each tool."""

import contextlib
import json
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from measure import environment, run

from dgops import settings as settings_room
from dgops.sandbox import boot, hosts, inventory, machine, records, teardown
from dgops.sandbox.layout import layout_of
from dgops.sandbox.records import Record
from dgops.sandbox.spec import HostSpec
from dgops.transport.multiplex import close_masters

BIN = Path(sys.executable).parent
TWIN = "localhost/dgops-benchmark"


class Place:
    """A person's folder: dgops.toml, state, inventory, home."""

    def __init__(self, root):
        self.root = root
        (root / "dgops.toml").write_text("")
        (root / "home").mkdir()
        self.settings = settings_room.load(root, options={"state": str(root / ".dgops")})
        self.layout = layout_of(self.settings)
        self.masters = root / "masters"
        self.environment = {
            **environment(root / "home"),
            "DGOPS_CACHE": str(self.settings.cache),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.masters),
        }

    def up(self, *names):
        hosts.up([HostSpec(name) for name in names], self.settings, _say)
        self._write_known_hosts()

    def remove(self, name):
        close_masters(self.masters)
        hosts.remove(name, self.settings)

    def twins(self, original, names):
        """Start hosts from a copy of a deployed one's disk, and give them its contract: deploying 50 takes long."""
        with machine.at_work(self.layout) as engine:
            engine.call("commit", self.layout.container(original), TWIN, timeout=600)
            public_key = self.layout.key.with_suffix(".pub").read_text().strip()
            for name in names:
                boot.start(self.layout, engine, Record(HostSpec(name)), TWIN, public_key)
            for name in names:
                boot.settle(self.layout, engine, records.load(self.layout, name))
            inventory.write(self.layout, records.load_all(self.layout))
        self._write_known_hosts()
        # A volume is no part of the disk. Its folders are checked; the wheels in it would be copied for nothing.
        folders = self.ssh(original, "tar", "-C", "/", "--exclude=*.whl", "-cf", "-", "workspace").stdout
        for name in names:
            self.unpack(name, folders)
            self._give_contract(original, name)

    def down(self):
        close_masters(self.masters)
        with machine.at_work(self.layout) as engine:
            names = [record.spec.name for record in records.load_all(self.layout)]
            for name in names:
                hosts.erase(self.layout, engine, name)
            engine.attempt("rmi", "--force", TWIN)
        teardown.down(self.settings)

    def dgops(self, *argv, good=(0,)):
        return self.run(BIN / "dgops", *argv, good=good)

    def run(self, *argv, good=(0,)):
        return run(argv, good=good, cwd=self.root, env=self.environment)

    def ssh(self, name, *argv):
        """Run a command as a person would who copies the line that `dgops sandbox up` prints."""
        return self.run(*self.ssh_line(name), shlex.join(argv))

    def unpack(self, name, tar):
        """Unpack an archive of paths below / on a host."""
        run([*self.ssh_line(name), "tar -C / -xpf -"], told=tar, cwd=self.root, env=self.environment)

    def ssh_line(self, name):
        line = inventory.ssh_command(self.layout, records.load(self.layout, name))
        return [line[0], "-F", "none", "-o", "BatchMode=yes", *line[1:]]

    def ansible(self, program, *argv, fast=False):
        """Run one of Ansible's programs; fast is with what its documentation advises for speed."""
        tuned = {"ANSIBLE_PIPELINING": "1", "ANSIBLE_FORKS": "50"} if fast else {}
        folder = self.root / "inventories" / "sandbox"
        return run([BIN / program, "-i", folder, *argv], cwd=self.root, env={**self.environment, **tuned})

    def pyinfra(self, names, *argv, **data):
        """Run pyinfra over these hosts."""
        place = self.root / f"pyinfra_{len(names)}.py"
        found = [(name, self._reach(records.load(self.layout, name)) | data) for name in names]
        place.write_text(f"hosts = {found!r}\n")
        return self.run(BIN / "pyinfra", "-y", place, *argv)

    def _reach(self, record):
        return {
            "ssh_hostname": "127.0.0.1",
            "ssh_port": record.port,
            "ssh_user": record.spec.user,
            "ssh_key": str(self.layout.key),
            "ssh_known_hosts_file": str(self.root / "known_hosts"),
            "ssh_strict_host_key_checking": "yes",
        }

    def _write_known_hosts(self):
        """Write the pinned keys under the addresses that pyinfra looks them up by: it knows no alias."""
        ports = {f"dgops-{one.spec.name}": one.port for one in records.load_all(self.layout)}
        pins = [line.split(None, 1) for line in self.layout.known_hosts.read_text().splitlines()]
        lines = [f"[127.0.0.1]:{ports[name]} {key}\n" for name, key in pins if name in ports]
        (self.root / "known_hosts").write_text("".join(lines))

    def _give_contract(self, original, name):
        folder = self.settings.state / "contracts"
        contract = json.loads((folder / f"{original}.json").read_text())
        (folder / f"{name}.json").write_text(json.dumps(contract))


@contextlib.contextmanager
def place():
    """Yield a place; its hosts go with it."""
    root = Path(tempfile.mkdtemp(prefix="dgops-bench-"))
    here = Place(root)
    try:
        yield here
    finally:
        here.down()
        shutil.rmtree(root)


def _say(line):
    print(f"  {line}", file=sys.stderr)
