"""Output of a job: CPU time of its way into the log, a real job that floods, a follower that comes late."""

import io
import os
import random
import resource
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from measure import Contender, arguments, by_turns, keep, run
from place import BIN, place

HOST = "bench01"
SIZE, LATE = 100_000_000, 50_000_000
# 1.6 GB.
TURNS = 32
HERE = Path(__file__).resolve().parent.parent
# Another checkout of dgops, to see what a change has brought.
BEFORE = os.environ.get("BENCH_BEFORE")
# What the supervisor does with one stream.
PUMP = """\
import selectors, subprocess, sys
from dgops.agent.logfile import Log
from dgops.agent.pump import Pump
from dgops.agent.redact import Redactor
source = subprocess.Popen(["cat", sys.argv[1]], stdout=subprocess.PIPE)
pump = Pump(source.stdout.fileno(), Log(sys.argv[2]), Redactor(sys.argv[3:]))
with selectors.DefaultSelector() as waiting:
    waiting.register(pump.pipe, selectors.EVENT_READ)
    while waiting.select(1) is None or pump.feed():
        pump.settle()
pump.log.finish()
sys.exit(source.wait())
"""
SECRETS = ["hf_" + "aB3dE5gH7j" * 3, "correct horse battery staple"]


def line(number, noise):
    """Return one line of a training's log, as trainers and their libraries write them."""
    loss = noise.random()
    return (
        f"step {number:7d}/900000 loss {loss:.4f} lr 1.0e-04 tokens/s {noise.randint(1000, 9999)} token_count={number}",
        f"2026-01-01 12:00:{number % 60:02d} INFO caching latents {number}/90000 for image_{number}.png in (768, 1024)",
        f"epoch {number % 100} [{number % 60:02d}:12<00:42, {loss * 9:.2f}it/s, loss={loss:.3f}]",
        f"warnings.warn('state_dict key missing: lora_unet_down_{number}') at https://host/doc?page={number}",
        f"loading tokenizer_{number % 7} from /workspace/models/qwen/tokenizer.json",
    )[number % 5]


def log_of(size):
    """Return so many bytes of a training's log."""
    noise = random.Random(1)
    text = "".join(f"{line(number, noise)}\n" for number in range(100_000)).encode()
    return (text * (size // len(text) + 1))[:size]


def redacted(rounds):
    """100 MB by way of the agent's pump: its seconds of CPU, whatever else the machine does."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "log").write_bytes(log_of(SIZE))
        argv = [sys.executable, "-c", PUMP, folder / "log", folder / "stdout.log", *SECRETS]
        trees = {"dgops agent": HERE, **({"dgops agent, before": BEFORE} if BEFORE else {})}
        seconds = {name: [] for name in trees}
        for turn in range(rounds + 1):
            for name, tree in trees.items():
                for path in folder.glob("stdout.log*"):
                    path.unlink()
                began = spent()
                run(argv, env={**os.environ, "PYTHONPATH": str(tree)}, cwd=folder)
                took = round(spent() - began, 4)
                print(f"  {turn}/{rounds}     {name:<44}{took:9.3f} s of CPU", flush=True)
                seconds[name] += [took] if turn else []
        keep("job-output", seconds)


def spent():
    """Return the CPU time of all programs that ran from here and are over."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def catch_up(here, rounds):
    """A follower that comes when the job has written 50 MB: all of it again, over SSH."""
    job = started(here, "cat", "/workspace/late.log")
    path = f"/workspace/dgops/jobs/{job}/stdout.log"
    while not there(here, f"grep -l succeeded {path.replace('stdout.log', 'status.json')} || true"):
        time.sleep(1)
    # The head of a long log and its pieces, as a follower has them.
    copy = f"cat {path} $(ls {path}.* | sort -t . -k 3 -n)"
    size = len(there(here, copy))

    def follow(tree=HERE):
        environment = {**here.environment, "PYTHONPATH": str(tree)}
        done = run([BIN / "dgops", "jobs", "follow", job], cwd=here.root, env=environment)
        assert len(done.stdout) == size, (len(done.stdout), size)

    contenders = [Contender("dgops jobs follow", follow)]
    contenders += [Contender("dgops jobs follow, before", lambda: follow(BEFORE))] if BEFORE else []
    contenders += [Contender("ssh host cat", lambda: there(here, copy))]
    keep("job-catch-up", by_turns(contenders, min(rounds, 3)))


def flood(here, rounds):
    """1.6 GB of a training's lines out of a real job, by the job's own clock; and what of a core its agent takes."""
    program = f"date +%s.%N; for turn in $(seq {TURNS}); do cat /workspace/late.log; done; echo; date +%s.%N"
    seconds = []
    for turn in range(min(rounds, 3)):
        job = started(here, "sh", "-c", program)
        folder = f"/workspace/dgops/jobs/{job}"
        cores = agent_share(here)
        while not there(here, f"grep -l succeeded {folder}/status.json || true"):
            time.sleep(1)
        ends = there(here, f"head -n 1 {folder}/stdout.log; cat $(ls {folder}/stdout.log.* | tail -n 1) | tail -n 1")
        began, ended = map(float, ends.split())
        rate = LATE * TURNS / 1e6 / (ended - began)
        print(f"  {turn + 1}     {ended - began:9.3f} s, {rate:.1f} MB/s, agent: {cores:.2f} of a core", flush=True)
        seconds.append(round(ended - began, 4))
    keep("job-flood", {"dgops agent": seconds})


def started(here, *argv):
    return here.dgops("run", "--host", HOST, "--detach", "--", *argv).stdout.decode().strip()


def there(here, command):
    return here.ssh(HOST, "sh", "-c", command).stdout


def agent_share(here):
    # Fields 14 and 15 of stat are a process's own ticks, a hundredth of a second each.
    ticks = "for p in /proc/[0-9]*; do grep -qa pyz $p/cmdline 2>/dev/null && awk '{print $14 + $15}' $p/stat; done; "
    ticks += "cat /proc/uptime"
    seen = []
    for _ in range(2):
        time.sleep(4)
        *spent_there, uptime, _ = there(here, ticks).split()
        seen.append((sum(map(int, spent_there)) / 100, float(uptime)))
    (first, began), (second, ended) = seen
    return (second - first) / (ended - began)


ROWS = {"job-catch-up": catch_up, "job-flood": flood}


def main():
    given = arguments(["job-output", *ROWS])
    if "job-output" in given.rows:
        redacted(given.rounds)
    if not set(given.rows) & set(ROWS):
        return
    with place() as here:
        here.up(HOST)
        here.dgops("deploy", "--host", HOST)
        log, archive = log_of(LATE), io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            entry = tarfile.TarInfo("workspace/late.log")
            entry.size = len(log)
            tar.addfile(entry, io.BytesIO(log))
        here.unpack(HOST, archive.getvalue())
        for row in given.rows:
            if row in ROWS:
                print(row)
                ROWS[row](here, given.rounds)


if __name__ == "__main__":
    main()
