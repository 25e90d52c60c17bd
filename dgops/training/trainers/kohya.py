"""What sd-scripts and musubi-tuner have in common: names of files, environment, samples, and what lies in a folder."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.training import command
from dgops.training.values import Outputs, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dgops.training.values import Parameters, Place, Plan, Recipe, Written

ENV = {
    # A pipe makes Python keep lines back, and messages are partly Japanese.
    "PYTHONUNBUFFERED": "1",
    "PYTHONIOENCODING": "utf-8",
    # rich wraps log lines at the width of a terminal that there is not.
    "COLUMNS": "250",
    # What accelerate's launcher sets for one process. The launcher itself is left out: it obeys a
    # default_config.yaml that somebody left on the host, and hides a traceback behind one of its own.
    "OMP_NUM_THREADS": "1",
    # Tokenizers come from the hub, and downloads through it hang without a word.
    "HF_HUB_DISABLE_XET": "1",
}
SAMPLE_STEPS = 20
MOST_WORKERS = 2
WORKERS, PERSISTENT = "max_data_loader_n_workers", "persistent_data_loader_workers"
# accelerate writes it last: a state without it was cut off.
LAST_OF_A_STATE = "random_states_0.pkl"
SCHEDULERS = ("constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts", "polynomial")
# A schedule that does not know how long it is goes on as it was, however long the rest is.
ENDLESS = ("constant", "constant_with_warmup")
PRECISIONS = {"bf16": "bf16", "fp16": "fp16", "fp32": "no"}


def run_name(name: str, state: State | None, plus: int) -> str:
    """Return the output name of a run: of a resumed one it says which it is, and what to add to its own numbers."""
    return name if state is None else f"{name}-run{state.runs + 1}-plus{plus:06d}"


def workers(recipe: Recipe, place: Place) -> dict[str, object]:
    """Return the loader's options: workers that persist are refused by torch where there are none."""
    said = recipe.options.get(WORKERS, "")
    least = 1 if command.asked(recipe.options, PERSISTENT) else 0
    count = int(said) if said.isdecimal() else max(least, min(MOST_WORKERS, place.cpus - 1))
    return {WORKERS: count, PERSISTENT: count > 0}


def clashes(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Return what both scripts would stop at only when their models are loaded."""
    none = recipe.options.get(WORKERS, "").isdecimal() and not int(recipe.options[WORKERS])
    if none and command.asked(recipe.options, PERSISTENT):
        yield f"options.{PERSISTENT}", f"cannot be: {WORKERS} is 0"


def prompts(recipe: Recipe, guidance: Mapping[str, float]) -> str:
    """Return the file of sample prompts. JSON: a line of text would read `--` and `#` in a prompt as its own."""
    side = recipe.parameters.resolution
    common = {"width": side, "height": side, "seed": recipe.samples.seed, "sample_steps": SAMPLE_STEPS, **guidance}
    found = [{"prompt": text, **common} for text in recipe.samples.prompts]
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def per_epoch(parameters: Parameters, items: int) -> int:
    """Return the steps of an epoch; with a batch size above one, buckets that do not fill may make them more."""
    return max(1, -(-items // max(1, parameters.batch_size)))


@dataclass(frozen=True)
class Name:
    """A name that a run gave: the number of the run, what to add to its numbers, and its epoch or step."""

    run: int
    plus: int
    epoch: int | None
    step: int | None

    def absolute(self, steps_per_epoch: int) -> int | None:
        """Return the absolute step, None for a name without a number."""
        if self.step is not None:
            return self.plus + self.step
        return None if self.epoch is None else self.plus + self.epoch * steps_per_epoch


def outputs(recipe: Recipe, plan: Plan, written: Written) -> Outputs:
    """Sort what lies in the output folder; what a file's own metadata says outranks its name."""
    steps_per_epoch = _steps_per_epoch(plan, written)
    checkpoints: dict[str, int] = {}
    samples: dict[str, int] = {}
    states: dict[str, State] = {}
    finals: dict[int, str] = {}
    # A name that only a later file has counts for the run all the same.
    runs = max((name.run for path in written.files if (name := _name(recipe.name, path))), default=1)
    for path, (size, _) in sorted(written.files.items()):
        name = _name(recipe.name, path)
        if name is None or not size:
            continue
        step = name.absolute(steps_per_epoch)
        if path.startswith("sample/"):
            samples[path] = step or 0
        elif path in written.notes and "/" not in path:
            # Only a file that is whole could be asked what it says of itself.
            checkpoints[path] = _told(written, path, "ss_steps", name.plus, plan.total if step is None else step)
            if step is None:
                finals[name.run] = path
        elif path.endswith(f"/{LAST_OF_A_STATE}"):
            folder = path.rpartition("/")[0]
            at = _told(
                written, f"{folder}/train_state.json", "current_step", name.plus, plan.total if step is None else step
            )
            states[folder] = State(at, at // steps_per_epoch if steps_per_epoch else 0, folder, runs, steps_per_epoch)
    # One at the very end leaves nothing to train; the file that it should have come with is made from the one before.
    whole = tuple(sorted((one for one in states.values() if one.step < plan.total), key=lambda one: one.step))
    final = finals.get(max(finals, default=0), "")
    return Outputs(checkpoints, samples, whole[-1] if whole else None, final, whole)


def _name(name: str, path: str) -> Name | None:
    """Read NAME-000004.safetensors, NAME-step00000250-state/…, sample/NAME_e000004_00_….png, resumed ones as well."""
    top = path.removeprefix("sample/").split("/")[0]
    sample = path.startswith("sample/")
    number = r"_(?:e(?P<epoch>\d{6})|(?P<step>\d{6}))_\d{2}_.*\.(?:png|mp4|webp|jpg)"
    file = r"(?:-(?P<epoch>\d{6})|-step(?P<step>\d{8}))?(?:\.safetensors|-state)"
    match = re.fullmatch(
        rf"{re.escape(name)}(?:-run(?P<run>\d{{1,4}})-plus(?P<plus>\d{{6,12}}))?(?:{number if sample else file})",
        top,
    )
    if match is None:
        return None
    found = match.groupdict()
    return Name(int(found["run"] or 1), int(found["plus"] or 0), _int(found["epoch"]), _int(found["step"]))


def _int(text: str | None) -> int | None:
    return None if text is None else int(text)


def _told(written: Written, path: str, key: str, plus: int, otherwise: int) -> int:
    text = str(written.notes.get(path, {}).get(key, ""))
    return plus + int(text) if text.isdigit() else otherwise


def _steps_per_epoch(plan: Plan, written: Written) -> int:
    for note in written.notes.values():
        text = str(note.get("ss_num_batches_per_epoch", ""))
        accumulated = str(note.get("ss_gradient_accumulation_steps", "1"))
        if text.isdigit() and accumulated.isdigit() and int(text) > 0:
            return -(-int(text) // max(1, int(accumulated)))
    return plan.total // plan.epochs if plan.epochs else 0
