"""Stands in for a venv's python that runs `-m tiny CONFIG`: tiny's files and lines at a speed that tests can stop.

Beside it: `wait` holds the step to stop at until the file is gone, `die` the step to fail at.
"""

import json
import os
import struct
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
DEADLINE = 60.0


def said(name):
    path = HERE / name
    return int(path.read_text()) if path.is_file() else None


def lora(path, step):
    head = json.dumps({"__metadata__": {"ss_steps": str(step)}}).encode()
    Path(path).write_bytes(struct.pack("<Q", len(head)) + head)


def state(out, name, step):
    folder = out / f"{name}-step{step:08d}-state"
    folder.mkdir(exist_ok=True)
    for one in ("lora.safetensors", "optimizer.pt"):
        (folder / one).touch()
    (folder / "train_state.json").write_text(json.dumps({"current_step": step, "current_epoch": 1}))
    lora(out / f"{name}-step{step:08d}.safetensors", step)


def main():
    asked = json.loads(Path(sys.argv[-1]).read_text())
    out, name = Path(asked["output"]), asked["name"]
    begin = int(asked["resume"].split("-step")[1].split("-")[0]) if asked["resume"] else 0
    for step in range(begin + 1, asked["steps"] + 1):
        rest = f"{step}/{asked['steps']} [00:01<00:01, 1.00it/s, avr_loss={1 / step}]"
        sys.stderr.write(f"\rsteps: {100 * step // asked['steps']}%|#| {rest}")
        sys.stderr.flush()
        if step % asked["save_every"] == 0:
            state(out, name, step)
        until = time.monotonic() + DEADLINE
        while said("wait") == step and time.monotonic() < until:
            (HERE / "waits").touch()
            time.sleep(0.02)
        if said("die") == step:
            sys.exit("died")
    lora(out / f"{name}.safetensors", asked["steps"])


if __name__ == "__main__":
    os.umask(0o022)
    main()
