"""Chooses, counts, names and writes as ai-toolkit's training process does, and trains nothing.

DIE_AT ends it after so many steps of this run, between a checkpoint and the optimizer's state where HALF is set.
"""

import glob
import json
import os
import sqlite3
import struct
import sys

import yaml

with open(sys.argv[1], encoding="utf-8") as STREAM:
    CONFIG = yaml.safe_load(STREAM)["config"]
NAME, PROCESS = CONFIG["name"], CONFIG["process"][0]
ROOT = os.path.join(PROCESS["training_folder"], NAME)
TOTAL, EVERY = PROCESS["train"]["steps"], PROCESS["save"]["save_every"]


def latest():
    """Return the file that it goes on from: the newest by a time that any copy changes."""
    paths = [path for path in glob.glob(os.path.join(ROOT, f"{NAME}*")) if os.path.exists(path)]
    return max(paths, key=os.path.getctime) if paths else None


def step_of(path):
    with open(path, "rb") as stream:
        head = json.loads(stream.read(struct.unpack("<Q", stream.read(8))[0]))
    return json.loads(head["__metadata__"]["training_info"])["step"]


def save(name, step, trained):
    said = {"training_info": json.dumps({"step": step, "epoch": 1})}
    head = json.dumps({"__metadata__": said, "x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path = os.path.join(ROOT, f"{name}.safetensors")
    assert not os.path.exists(path), f"{path} is written over"
    with open(path, "wb") as stream:
        stream.write(struct.pack("<Q", len(head)) + head + b"\0\0\0\0")
    if os.environ.get("HALF"):
        die(trained)
    with open(os.path.join(ROOT, "optimizer.pt"), "wb") as stream:
        stream.write(b"x")


def die(when):
    if os.environ.get("DIE_AT") == str(when):
        os._exit(9)


def main():
    os.makedirs(ROOT, exist_ok=True)
    path = latest()
    begin = step_of(path) if path else 0
    base = sqlite3.connect(os.path.join(ROOT, "loss_log.db"), isolation_level=None)
    base.execute("CREATE TABLE IF NOT EXISTS metrics (step INTEGER, key TEXT, value_real REAL, value_text TEXT)")
    for step in range(begin + 1, TOTAL + 1):
        shown = f"\r{NAME}: {100 * step // TOTAL:3}%|#         | {step}/{TOTAL} [00:01<00:09,  9.00it/s, "
        print(f"{shown}lr: 1.0e-04 loss: 5.000e-01]", end="", file=sys.stderr, flush=True)
        base.execute("INSERT INTO metrics VALUES (?, 'loss/loss', ?, NULL)", (step, 1 / step))
        if step % EVERY == 0 and step < TOTAL:
            print(f"\nSaving at step {step}", flush=True)
            save(f"{NAME}_{step:09d}", step, step - begin)
        die(step - begin)
    die("end")
    save(NAME, TOTAL, TOTAL - begin)


main()
