"""Counts, names and writes as the training loops of sd-scripts and musubi-tuner do, and trains nothing.

It is installed under the names of their scripts. DIE_AT ends it after so many optimizer steps of this run, between a
checkpoint and its state where HALF is set. PER_EPOCH is how many batches an epoch has.
"""

import json
import os
import struct
import sys
from pathlib import Path

WORDS, NAME = {}, ""
for word in sys.argv[1:]:
    if word.startswith("--"):
        NAME = word[2:]
        WORDS[NAME] = "true"
    else:
        WORDS[NAME] = word
OUTPUT, TITLE = Path(WORDS.get("output_dir", ".")), WORDS.get("output_name", "")
PER_EPOCH = int(os.environ["PER_EPOCH"])
MUSUBI = "max_train_epochs" in WORDS and Path(sys.argv[0]).name == "qwen_image_train_network.py"


def lora(name, steps):
    path = OUTPUT / f"{name}.safetensors"
    assert not path.exists(), f"{path} is written over"
    said = {"ss_steps": str(steps), "ss_num_batches_per_epoch": str(PER_EPOCH), "ss_gradient_accumulation_steps": "1"}
    head = json.dumps({"__metadata__": said, "x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + b"\0\0\0\0")
    print(f"\nsaving checkpoint: {path}", flush=True)


def state(name, epoch, step):
    folder = OUTPUT / f"{name}-state"
    folder.mkdir()
    if not MUSUBI:
        (folder / "train_state.json").write_text(json.dumps({"current_epoch": epoch, "current_step": step}))
    (folder / "random_states_0.pkl").write_bytes(b"x")


def die(when):
    if os.environ.get("DIE_AT") == str(when):
        os._exit(9)


def main():
    if "resume" in WORDS:
        assert Path(WORDS["resume"], "random_states_0.pkl").exists()
    total = int(WORDS.get("max_train_steps") or int(WORDS["max_train_epochs"]) * PER_EPOCH)
    initial = int(WORDS.get("initial_step", 0))
    assert total > initial
    epochs, first = -(-total // PER_EPOCH), initial // PER_EPOCH
    step = skip = initial - first * PER_EPOCH
    trained, shown = 0, total - skip
    print("running training / 学習開始", flush=True)
    for epoch in range(first, epochs):
        print(f"\nepoch {epoch + 1}/{epochs}", flush=True)
        for _ in range(PER_EPOCH):
            if skip:
                skip -= 1
                continue
            step += 1
            trained += 1
            bar = f"\rsteps: {100 * trained // shown:3}%|#         | {trained}/{shown} [00:01<00:09,  9.00it/s, "
            print(f"{bar}avr_loss=0.5]", end="", file=sys.stderr, flush=True)
            every = int(WORDS.get("save_every_n_steps", 0))
            if every and step % every == 0:
                save(f"{TITLE}-step{step:08d}", epoch, step, trained)
            die(trained)
            if step >= total:
                break
        print("INFO:x:epoch is incremented. current_epoch: 0, epoch: 1", file=sys.stderr, flush=True)
        every = int(WORDS.get("save_every_n_epochs", 0))
        if every and (epoch + 1) % every == 0 and epoch + 1 < epochs:
            save(f"{TITLE}-{epoch + 1:06d}", epoch, step, trained)
    state(TITLE, epochs, step)
    die("end")
    lora(TITLE, step)


def save(name, epoch, step, trained):
    lora(name, step)
    if os.environ.get("HALF"):
        die(trained)
    state(name, epoch, step)


def cache():
    text = Path(WORDS["dataset_config"]).read_text()
    folder = Path(next(line.split('"')[1] for line in text.splitlines() if line.startswith("cache_directory")))
    folder.mkdir(parents=True, exist_ok=True)
    texts = "text_encoder" in Path(sys.argv[0]).name
    for number in range(int(os.environ["CACHED"])):
        (folder / (f"{number}_qi_te.safetensors" if texts else f"{number}_1024x1024_qi.safetensors")).write_bytes(b"x")


if "cache_latents" in Path(sys.argv[0]).name or "cache_text" in Path(sys.argv[0]).name:
    cache()
else:
    main()
