"""The stock of a test run: one pod is deployed, and every ready pod after it starts from what that one became."""

import contextlib
import fcntl
import json
import os
import shutil

from mutation.wheels import renoted
from place import MINUTES, Place

from dgops.sandbox import boot, hosts, inventory, machine, records
from dgops.sandbox.containers import bridge
from dgops.sandbox.layout import layout_of
from dgops.sandbox.records import Record
from dgops.sandbox.spec import HostSpec

NAME = "pod"
CACHE = "/workspace/wheels"
# What a controller has that knows a deployed pod: whose login key it is, its contract, and the digests' own key.
KEYS = ("id_ed25519", "id_ed25519.pub")
KNOWN = ("key", f"contracts/{NAME}.json")


class Stock:
    """The original, its disk as an image, its volume as an archive."""

    def __init__(self, folder):
        self.place = Place(folder)
        self.layout = layout_of(self.place.settings)
        self.volume = folder / "volume.tar"
        self._words = folder / "words.json"
        # A name that the last sandbox to leave this machine removes, should nobody else have done so.
        self.image = f"{machine.IMAGES}:ready-{self.layout.identity}"

    def fill(self):
        """Deploy the original, once in a run."""
        if self.volume.exists():
            return
        self.place.up(NAME)
        done = self.place.dgops("deploy", "--host", NAME)
        assert done.returncode == 0, done.stdout + done.stderr
        self._words.write_text(json.dumps([done.stdout, done.stderr]))
        whole = self.volume.with_suffix(".part")
        self._through(self.place, f"tar -C / -cp workspace >{whole}")
        # A pod's start adds the key to those that are there, and roles read them.
        self.place.on(NAME, "rm /root/.ssh/authorized_keys")
        with machine.at_work(self.layout) as engine:
            engine.call("commit", self.layout.container(NAME), self.image, timeout=5 * MINUTES)
        whole.rename(self.volume)

    def words(self):
        """Return what the deploy from bare to ready said on stdout and on stderr."""
        return json.loads(self._words.read_text())

    def empty(self):
        """Take everything away; the pods that came out of it are gone by now."""
        with machine.at_work(self.layout) as engine:
            engine.discard(self.layout.container(NAME))
            engine.attempt("rmi", "--force", self.image)
        self.place.down()
        self.volume.unlink(missing_ok=True)

    def give(self, place, **spec):
        """Start a pod in a place as if it had been deployed from there."""
        self._hand_over(place)
        layout = layout_of(place.settings)
        public_key = layout.key.with_suffix(".pub").read_text().strip()
        with machine.at_work(layout) as engine:
            bridge.ensure(engine, layout.network, layout.label)
            record = boot.start(layout, engine, Record(HostSpec(NAME, **spec)), self.image, public_key)
            boot.settle(layout, engine, record)
            inventory.write(layout, records.load_all(layout))
        self._through(place, f"tar -C / -xp <{self.volume}")
        # The notes know the wheels by their times, and an archive keeps none of those that count.
        place.on(NAME, renoted(CACHE))

    def _through(self, place, command):
        """Run a command on a place's pod, with bytes from or to a file here."""
        view = next(one for one in hosts.listed(place.settings) if one.name == NAME)
        done = place.run("bash", "-ec", f"{view.ssh_line} {command}")
        assert done.returncode == 0, done.stderr

    def _hand_over(self, place):
        there = layout_of(place.settings).folder
        there.mkdir(parents=True, mode=0o700, exist_ok=True)
        for name in KEYS:
            shutil.copy2(self.layout.folder / name, there / name)
        for name in KNOWN:
            target = place.settings.state / name
            target.parent.mkdir(exist_ok=True)
            shutil.copy2(self.place.settings.state / name, target)


@contextlib.contextmanager
def shared(folder):
    """Yield the stock that all workers of a run share: the first fills it, the last to leave empties it."""
    folder.mkdir(exist_ok=True)
    with (folder / "turn").open("w") as turn, (folder / "users").open("w") as users:
        fcntl.flock(turn, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        stock = Stock(folder)
        try:
            stock.fill()
            fcntl.flock(turn, fcntl.LOCK_UN)
            yield stock
        finally:
            fcntl.flock(turn, fcntl.LOCK_EX)
            with contextlib.suppress(BlockingIOError):  # another worker may still want pods
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                stock.empty()


def folder_of(base):
    """Return where a run keeps its stock: base is a worker's own folder if there are workers."""
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "stock"
