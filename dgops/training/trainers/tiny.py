"""tiny: dgops' own trainer, a LoRA on a small random UNet; for fast-test mode and for proofs."""

from __future__ import annotations

import json
import math
import re
from importlib import resources
from typing import TYPE_CHECKING

from dgops.training.progress import kohya
from dgops.training.values import Estimate, Outputs, Plan, State, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.training.values import Dataset, Place, Progress, Recipe, Written

ARCHITECTURES: dict[str, tuple[str, ...]] = {"tiny-unet": ()}
OPTIMIZERS = ("adamw",)
SCHEDULERS = ("constant", "cosine")
PRECISIONS = ("fp32", "bf16")
LARGEST = 256
# Measured on one core of a pod's CPU: a step of four pictures of 32 x 32, and what comes before the first.
STEP_SECONDS, START_SECONDS = 0.25, 15.0
MEASURED = "measured on one CPU core"
# What a state folder must hold to be gone on from.
STATE = ("lora.safetensors", "optimizer.pt", "train_state.json")


class Tiny:
    """The trainer `tiny`."""

    name = "tiny"
    app = "tiny"
    lock = "tiny"
    gpu = False

    @property
    def architectures(self) -> dict[str, tuple[str, ...]]:
        """Return the one model that it trains, which needs no file."""
        return ARCHITECTURES

    def complaints(self, recipe: Recipe) -> Sequence[tuple[str, str]]:
        """Return what it cannot do of a recipe."""
        asked, found = recipe.parameters, []
        for key, value, known in (
            ("optimizer", asked.optimizer, OPTIMIZERS),
            ("scheduler", asked.scheduler, SCHEDULERS),
            ("precision", asked.precision, PRECISIONS),
        ):
            if value not in known:
                found.append((key, f"tiny has no {value!r} (known: {', '.join(known)})"))
        if asked.resolution % 8 or not 16 <= asked.resolution <= LARGEST:
            found.append(("resolution", f"tiny takes multiples of 8 from 16 to {LARGEST}"))
        if recipe.regularisation:
            found.append(("regularisation", "tiny takes no regularisation images"))
        if asked.optimizer_args:
            found.append(("optimizer_args", "tiny takes none"))
        found += [("options", f"tiny has no option {name!r}") for name in recipe.options]
        return found

    def plan(self, recipe: Recipe, dataset: Dataset, place: Place, state: State | None = None) -> Plan:
        """Return the one program that it runs."""
        asked = recipe.parameters
        batches = max(1, math.ceil(dataset.images / asked.batch_size))
        total = asked.steps or asked.epochs * batches
        begin = state.step if state else 0
        config = {
            "output": place.output,
            "name": recipe.name,
            "dataset": place.dataset,
            "resolution": asked.resolution,
            "rank": asked.rank,
            "alpha": asked.alpha,
            "seed": asked.seed,
            "learning_rate": asked.learning_rate,
            "scheduler": asked.scheduler,
            "precision": asked.precision,
            "batch_size": asked.batch_size,
            "steps": total,
            "save_every": asked.save_every,
            "sample_every": recipe.samples.every,
            "prompts": list(recipe.samples.prompts),
            "sample_seed": recipe.samples.seed,
            "device": "cuda" if place.gpus else "cpu",
            "fast_test": place.fast_test,
            # With more, threads that wait for a core spin, and sums come in another order.
            "threads": 1,
            "resume": state.path if state else "",
        }
        name = f"tiny-{begin:08d}.json"
        files = {name: json.dumps(config, indent=2) + "\n", **program()}
        argv = (place.python, "-m", "tiny", f"{place.output}/{name}")
        env = {"PYTHONPATH": f"{place.output}/program", "CUBLAS_WORKSPACE_CONFIG": ":4096:8", "HF_HUB_OFFLINE": "1"}
        seconds = STEP_SECONDS * (total - begin) * asked.batch_size / 4 * (asked.resolution / 32) ** 2
        return Plan(
            files,
            (Step("train", argv, env, trains=True),),
            total,
            math.ceil(total / batches),
            f"{recipe.name}.safetensors",
            begin,
            Estimate(MEASURED, (START_SECONDS / 2 + seconds / 2, START_SECONDS + seconds * 2), (0.0, 0.5)),
            ("a small random model: for fast-test mode and proofs, not for pictures",),
        )

    def progress(self, line: str) -> Progress | None:
        """Read its bar, which is as kohya's."""
        return kohya(line)

    def outputs(self, recipe: Recipe, plan: Plan, written: Written) -> Outputs:
        """Sort what it wrote: every name holds the absolute step."""
        name = re.escape(recipe.name)
        checkpoints = _numbered(rf"{name}-step(\d+)\.safetensors", written)
        samples = _numbered(rf"sample/{name}_(\d+)_\d+_\d+\.png", written)
        final = plan.lora if str(written.notes.get(plan.lora, {}).get("ss_steps")) == str(plan.total) else ""
        if final:
            checkpoints[final] = plan.total
        states = _states(name, plan, written)
        return Outputs(checkpoints, samples, states[-1] if states else None, final, states)

    def cached(self, written: Written) -> int:
        """Return 0: it caches nothing."""
        del written
        return 0


def program() -> dict[str, str]:
    """Return the program's files by their paths below the output folder."""
    folder = resources.files("dgops.training.tiny")
    texts = {one.name: one.read_text(encoding="utf-8") for one in folder.iterdir() if one.name.endswith(".py")}
    return {f"program/tiny/{name}": texts[name] for name in sorted(texts)}


def _numbered(pattern: str, written: Written) -> dict[str, int]:
    found = ((path, re.fullmatch(pattern, path)) for path in written.files)
    return {path: int(match[1]) for path, match in found if match}


def _states(name: str, plan: Plan, written: Written) -> tuple[State, ...]:
    """Return the states that are whole and before the end, oldest first."""
    found = []
    for path, step in _numbered(rf"{name}-step(\d+)-state/train_state\.json", written).items():
        folder = path.rpartition("/")[0]
        facts = written.notes.get(path, {})
        epoch = facts.get("current_epoch")
        whole = all(f"{folder}/{one}" in written.files for one in STATE) and facts.get("current_step") == step
        if whole and isinstance(epoch, int) and step <= plan.total:
            found.append(State(step, epoch, folder))
    return tuple(sorted(found, key=lambda one: one.step))


TRAINER = Tiny()
