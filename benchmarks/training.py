"""Training: what supervision costs beside the trainer, a step's line on its way home, a set that is there already."""

import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from measure import Contender, arguments, by_turns, keep
from PIL import Image
from place import BIN, place

from dgops.hosts import inventory
from dgops.jobs import source, transfer
from dgops.jobs.job import Input
from dgops.jobs.link import Link
from dgops.jobs.ready import base_of, deployed, work_user

HOST = "bench01"
RUNS = "/workspace/dgops/training"
LOCKED = "torch-2.13.0+cpu-cp311-*.whl"
# From the first checkpoint to the second, so that the start of Python and what it imports are no step's time.
FIRST, STEPS = 50, 550
PICTURES = 1000
# A training of so many steps shows twenty lines.
LINES = 60
RECIPE = {"kind": "train", "trainer": "tiny", "preset": "quick", "resolution": 32, "batch_size": 4, "rank": 4}
# What a process and those of its children that are over have used, in ticks of a hundredth of a second.
TICKS = """
import glob, json, sys, time
def look():
    trainer = rest = 0
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            line = open(path.replace("stat", "cmdline"), "rb").read()
            fields = open(path).read().rpartition(")")[2].split()
        except OSError:
            continue
        used = sum(map(int, fields[11:15]))
        if b"-m\\0tiny" in line:
            trainer += used
        else:
            rest += used
    return trainer, rest
first = look()
time.sleep(float(sys.argv[1]))
second = look()
print(json.dumps([new - old for new, old in zip(second, first)]))
"""
# Writes down when the trainer writes a state of its bar, before anybody else knows of it.
CLOCK = """
import sys, time
class Clock:
    def __init__(self, stream):
        self.stream = stream
        self.notes = open("/tmp/printed", "a", buffering=1)
    def write(self, text):
        if "avr_loss" in text:
            self.notes.write("%r %s\\n" % (time.time(), text.strip()))
        return self.stream.write(text)
    def __getattr__(self, name):
        return getattr(self.stream, name)
if "tiny" in sys.orig_argv:
    sys.stderr = Clock(sys.stderr)
"""


class Silent:
    """Hears of an upload, and says nothing."""

    def __getattr__(self, name):
        return lambda *_all: None


class Desk:
    """A host with the trainer, and a set of pictures."""

    def __init__(self, here):
        self.here = here
        self.number = 0
        pictures(here.root / "set", 12)

    def recipe(self, steps, **more):
        self.number += 1
        path = self.here.root / f"r{self.number}.yml"
        path.write_text(json.dumps({**RECIPE, "dataset": "set", "steps": steps, **more}))
        return path.name

    def there(self, *argv):
        return self.here.ssh(HOST, *argv).stdout.decode()

    def plan(self, recipe):
        return json.loads(self.here.dgops("train", "plan", recipe, "--host", HOST, "--json").stdout)

    def until_step(self, output, step):
        written = f"cat {output}/metrics.jsonl 2>/dev/null | wc -l"
        self.until(lambda: int(self.there("sh", "-c", written)) >= step, f"step {step}")

    def until(self, true, what):
        ends = time.monotonic() + 600
        while not true():
            if time.monotonic() > ends:
                sys.exit(f"{what} did not come in ten minutes")
            time.sleep(0.5)


def pictures(folder, count, size=(64, 64)):
    """Lay out a published set."""
    noise = random.Random(1)
    for side in ("256", "1024"):
        (folder / side).mkdir(parents=True)
    for number in range(count):
        picture = Image.frombytes("RGB", size, noise.randbytes(size[0] * size[1] * 3))
        for side in ("256", "1024"):
            picture.save(folder / side / f"{number:04}.jpg", quality=90)
            (folder / side / f"{number:04}.txt").write_text(f"thing, number {number}")
    (folder / "trigger_word.txt").write_text("thing\n")


def between(desk, output, name):
    """Return the seconds between the checkpoints of a training, by their times there."""
    wanted = [f"{output}/{name}-step{FIRST:08}.safetensors", f"{output}/{name}.safetensors"]
    desk.until(lambda: desk.there("sh", "-c", f"ls {wanted[1]} 2>/dev/null || true"), wanted[1])
    began, ended = map(float, desk.there("stat", "-c", "%.6Y", *wanted).split())
    return round(ended - began, 4)


def steps(desk, rounds):
    """The same steps by turns: the trainer alone, and as the job of `dgops run train`, followed."""
    seconds = {"dgops run train": [], "the trainer alone": []}
    for turn in range(rounds + 1):
        recipe = desk.recipe(STEPS, save_every=FIRST)
        name, plan = Path(recipe).stem, desk.plan(recipe)
        output, bare = f"{RUNS}/{plan['run']}", f"{RUNS}/{plan['run']}-bare"
        desk.here.dgops("run", "train", recipe, "--host", HOST)
        took = {"dgops run train": between(desk, output, name)}
        python, _, _, config = plan["programs"][0]["argv"]
        words = {"output": output, "bare": bare, "python": python, "config": Path(config).name}
        desk.there("sh", "-c", BARE.format(**words))
        took["the trainer alone"] = between(desk, bare, name)
        for contender, one in took.items():
            print(f"  {turn}/{rounds}     {contender:<44}{one:9.3f} s", flush=True)
            seconds[contender] += [one] if turn else []
    keep("train-steps", seconds)


# As the job starts it: in the same venv, with the same files; its words go nowhere.
BARE = """set -e
mkdir {bare}
cp -r {output}/program {bare}
sed 's#"{output}"#"{bare}"#' {output}/{config} >{bare}/{config}
cd {bare}
PYTHONPATH={bare}/program HF_HUB_OFFLINE=1 CUBLAS_WORKSPACE_CONFIG=:4096:8 PYTHONUNBUFFERED=1 \\
    {python} -m tiny {bare}/{config} >/dev/null 2>&1
"""


def supervision(desk, rounds):
    """What everything on the host but the trainer takes of the CPU while it trains: agent, runner, follower, sshd."""
    found = {"dgops, detached": [], "dgops, followed": [], "the trainer": []}
    for name in ("dgops, detached", "dgops, followed"):
        # As far apart as any trainer saves: minutes.
        recipe = desk.recipe(100_000, save_every=1000)
        output = f"{RUNS}/{desk.plan(recipe)['run']}"
        argv = [BIN / "dgops", "run", "train", recipe, "--host", HOST]
        argv += ["--detach"] if name == "dgops, detached" else []
        with open(os.devnull, "w") as nothing:
            running = subprocess.Popen(
                argv, cwd=desk.here.root, env=desk.here.environment, stdout=subprocess.PIPE, stderr=nothing, text=True
            )
            desk.until_step(output, 20)
            for _ in range(rounds):
                trainer, rest = json.loads(desk.there("python3", "-c", TICKS, "20"))
                share = rest / trainer
                print(f"  {name:<20} {rest / 100:.2f} s beside {trainer / 100:.2f} s: {share:.2%}", flush=True)
                found[name].append(round(rest / 100 / 20 * 100, 4))
                found["the trainer"].append(round(trainer / 100 / 20 * 100, 4))
            listed = json.loads(desk.here.dgops("jobs", "list", "--host", HOST, "--json").stdout)
            for one in listed:
                if one["status"] == "running":
                    desk.here.dgops("jobs", "cancel", one["id"], good=(0, 1))
            running.communicate(timeout=60)
    keep("train-cpu", found)


def seen(desk, rounds):
    """From a step that the trainer prints to its line on the terminal here, by one clock."""
    python = desk.plan(desk.recipe(1))["programs"][0]["argv"][0]
    site = desk.there(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    for name, text in (("bench_clock.py", CLOCK), ("bench_clock.pth", "import bench_clock\n")):
        desk.there("python3", "-c", f"open({site + '/' + name!r}, 'w').write({text!r})")
    desk.there("sh", "-c", ": >/tmp/printed; chmod 0666 /tmp/printed")
    late = []
    try:
        for _ in range(rounds):
            recipe = desk.recipe(LINES, resolution=16, batch_size=1)
            desk.there("sh", "-c", ": >/tmp/printed")
            argv = [BIN / "dgops", "run", "train", recipe, "--host", HOST, "--allow-drift"]
            running = subprocess.Popen(
                argv,
                cwd=desk.here.root,
                env=desk.here.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            shown = {}
            for line in running.stderr:
                if line.startswith("  step "):
                    shown[int(line.split()[1].partition("/")[0])] = time.time()
            if running.wait(60):
                sys.exit("the training failed")
            printed = {}
            for line in desk.there("cat", "/tmp/printed").splitlines():
                when, _, bar = line.partition(" ")
                step = re.search(r"(\d+)/\d+ \[", bar)
                if step:
                    printed.setdefault(int(step[1]), float(when))
            late += [round(at - printed[step], 4) for step, at in shown.items()]
    finally:
        # The contract of the host is as it was: no job starts beside strange files.
        desk.there("sh", "-c", f"find {site} -name 'bench_clock*' -delete")
    print(f"  {len(late)} lines, median {statistics.median(late):.3f} s, slowest {max(late):.3f} s")
    keep("train-line", {"dgops run train": late})


def shipped(desk, rounds):
    """A set of 2,000 files on its way to a host that has it."""
    folder = desk.here.root / "large"
    pictures(folder, PICTURES, (512, 512))
    host = inventory.load(desk.here.settings).select(HOST)[0]
    base, wanted = base_of(deployed(host, desk.here.settings)), [Input(folder / "1024", "dataset")]

    def again():
        with Link(host, desk.here.settings) as link:
            sources = source.read(wanted, "bench", desk.here.settings.state)
            moved = transfer.upload(link, base, work_user(host), sources, Silent())
            assert moved.files == 2 * PICTURES, moved

    keep("train-ship", by_turns([Contender("dgops", again)], rounds))


ROWS = {"train-steps": steps, "train-cpu": supervision, "train-line": seen, "train-ship": shipped}


def main():
    given = arguments(ROWS)
    wheels = next((one for one in os.environ.get("PIP_FIND_LINKS", "").split() if list(Path(one).glob(LOCKED))), None)
    if wheels is None:
        sys.exit(f"no {LOCKED} in a folder that PIP_FIND_LINKS names")
    with place() as here:
        here.up(HOST)
        wishes = here.root / "inventories/sandbox/host_vars"
        wishes.mkdir()
        (wishes / f"{HOST}.yml").write_text(json.dumps({"dgops_apps": ["tiny"], "wheel_cache__seed": [wheels]}))
        here.dgops("deploy", "--host", HOST)
        desk = Desk(here)
        for row in given.rows:
            print(row)
            ROWS[row](desk, given.rounds)


if __name__ == "__main__":
    main()
