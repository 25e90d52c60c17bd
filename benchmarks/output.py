"""100 MB of a job's output on their way into its log: the agent's seconds of CPU, whatever else the machine does."""

import os
import random
import resource
import sys
import tempfile
from pathlib import Path

from measure import arguments, keep, run

SIZE = 100_000_000
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


def rows(folder, rounds):
    log, kept = folder / "log", folder / "stdout.log"
    noise = random.Random(1)
    text = "".join(f"{line(number, noise)}\n" for number in range(100_000)).encode()
    log.write_bytes((text * (SIZE // len(text) + 1))[:SIZE])

    argv = [sys.executable, "-c", PUMP, log, kept, *SECRETS]
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


def main():
    given = arguments({"job-output": rows})
    with tempfile.TemporaryDirectory() as folder:
        rows(Path(folder), given.rounds)


if __name__ == "__main__":
    main()
