"""One training on the machine that trains: from wherever it stands to a LoRA with its card, or a clear end."""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops.errors import BusyError, DgopsError
from dgops.files import digest_file, write_atomic
from dgops.training import (
    card,
    curve,
    follow,
    ladder,
    locks,
    logged,
    machine,
    models,
    program,
    results,
    trainer,
    venv,
    written,
)
from dgops.training.follow import Follow
from dgops.training.values import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from dgops.training.machine import Machine
    from dgops.training.order import Order
    from dgops.training.teller import Teller
    from dgops.training.trainer import Trainer
    from dgops.training.values import Outputs, Plan, Recipe, State, Step

# By a signal, and as a shell that waited for it says so.
KILLED, SHOT = (-9, 137), "killed (SIGKILL), perhaps out of memory"
SPOILT = "not-a-number"
DATASET, REGULARISATION = "dataset", "regularisation"
# Between two looks for new files, and at the memory of the GPU.
LOOK_SECONDS, VRAM_SECONDS = 1.0, 5.0


@dataclass(frozen=True)
class Scene:
    """All that a run needs beside its plan."""

    order: Order
    chosen: Trainer
    place: Place
    output: Path
    machine: Machine
    teller: Teller
    say: Callable[[str], None]
    # The order's own name, whatever of its recipe was lowered since.
    run: str
    lowered: tuple[str, ...] = ()

    def plan(self, state: State | None = None) -> Plan:
        """Return the plan from a state, or from the beginning."""
        return self.chosen.plan(self.order.recipe, self.order.dataset, self.place, state)

    def outputs(self, plan: Plan) -> Outputs:
        """Look at what is written."""
        return self.chosen.outputs(self.order.recipe, plan, written.scan(self.output))


def train(order: Order, work: Path, mode: str, teller: Teller, say: Callable[[str], None]) -> dict[str, Any]:
    """Train, or go on, and return the card; `work` holds the set. Raises DgopsError with what keeps it from the end."""
    chosen = trainer.get(order.recipe.trainer)
    here = machine.look()
    require_gpu(chosen, here, mode)
    output = Path(order.output)
    output.mkdir(parents=True, exist_ok=True)
    scene = Scene(order, chosen, place_of(order, work, here, mode), output, here, teller, say, order.run)
    before = ladder.kept(output)
    if before:
        say(f"lowered as before: {'; '.join(before[1])}")
        scene = _with(scene, *before)
    with _alone(order):
        models.require(order.recipe.models, Path(order.models), work / models.SENT, say)
        try:
            return _lowering(scene)
        except DgopsError as error:
            if isinstance(error, follow.NotANumberError):
                _set_aside(scene, error.good)
            state = scene.outputs(scene.plan()).state
            kept = f"the last good state is step {state.step} ({state.path})" if state else "no state was saved yet"
            teller.tell("failed", f"{error.message}; {kept}", "error", step=state.step if state else 0)
            raise DgopsError(f"{error.message}; {kept}", error.hint) from error


def require_gpu(chosen: Trainer, here: Machine, mode: str) -> None:
    """Raise DgopsError where there is no GPU and one is needed."""
    if here.gpus:
        return
    if mode == "production":
        raise DgopsError("FATAL: no GPU here, and training runs on a GPU", "dgops --mode fast-test trains without")
    if chosen.gpu:
        raise DgopsError(f"{chosen.name} needs a GPU, in fast-test mode too", "dgops recipes show tiny: it needs none")


def place_of(order: Order, work: Path, here: Machine, mode: str) -> Place:
    """Return the folders and facts of this machine."""
    venv = Path(order.venv)
    return Place(
        app=str(venv.parent),
        python=str(venv / "bin" / "python"),
        dataset=str(work / DATASET),
        output=order.output,
        models=order.models,
        cache=order.cache,
        regularisation=str(work / REGULARISATION) if order.dataset.regularisation else "",
        cpus=here.cpus,
        gpus=len(here.gpus),
        vram_gib=here.vram,
        torch=machine.version(venv, "torch"),
        xformers=bool(machine.version(venv, "xformers")),
        fast_test=mode == "fast-test",
    )


def _lowering(scene: Scene) -> dict[str, Any]:
    """Train; where that was asked for, with one thing lowered after the other until the GPU's memory is enough."""
    while True:
        try:
            return _train(scene)
        except ladder.OutOfMemoryError:
            begun = scene.outputs(scene.plan()).state is not None
            found = ladder.below(scene.order.recipe, scene.place.vram_gib, begun) if scene.order.lower else None
            if found is None:
                raise
            recipe, words = found
            scene.say(f"out of memory: goes on with {words}")
            scene.teller.tell("lowered", f"out of memory: goes on with {words}", "warning")
            scene = _with(scene, recipe, (*scene.lowered, words))
            ladder.keep(scene.output, recipe, scene.lowered)


def _with(scene: Scene, recipe: Recipe, lowered: tuple[str, ...]) -> Scene:
    return replace(scene, order=replace(scene.order, recipe=recipe), lowered=lowered)


def _train(scene: Scene) -> dict[str, Any]:
    whole = scene.plan()
    found = scene.outputs(whole)
    known = card.read(scene.output / results.FOLDER)
    if found.final and known:
        results.gather(scene.output, found)
        scene.say(f"held: {scene.run} is trained")
        return known
    plan = scene.plan(found.state) if found.state and not found.final else whole
    begun = time.monotonic()
    if not found.final:
        if found.state:
            scene.say(f"goes on from step {plan.begin} of {plan.total} ({found.state.path})")
        follow.cut(scene.output / curve.METRICS, plan.begin)
        venv.require(scene.order.recipe, scene.place.python)
        _write(scene.output, plan)
        for step in plan.steps:
            _run(scene, plan, step)
        found = scene.outputs(whole)
    if not found.final:
        raise DgopsError(f"{scene.chosen.name} says that it is done, and {plan.lora} is not there", "look at its log")
    return _finish(scene, plan, found, time.monotonic() - begun)


def _run(scene: Scene, plan: Plan, step: Step) -> None:
    seen = Follow(scene.chosen, plan, step, scene.output, scene.teller)
    seen.vram = _seldom(machine.vram_used if scene.machine.gpus else lambda: None)
    scene.say(step.title)
    scene.teller.tell("start", step.title, begin=plan.begin, total=plan.total, trains=step.trains)
    looked = 0.0

    def look() -> None:
        nonlocal looked
        if step.trains and time.monotonic() - looked > LOOK_SECONDS:
            looked = time.monotonic()
            _tell_new(scene, plan)

    code = program.run(step, scene.output, seen.saw, look)
    if step.trains:
        _tell_new(scene, plan)
    if code:
        where = f"at step {seen.at} of {plan.total}"
        if seen.memory:
            hint = ladder.hint(scene.order.recipe, scene.place.vram_gib)
            raise ladder.OutOfMemoryError(f"{step.title}: out of memory {where}", hint)
        raise DgopsError(f"{step.title}: {SHOT if code in KILLED else f'exit {code}'} {where}", _hint(code))
    cached = scene.chosen.cached(written.scan(Path(scene.place.cache))) if step.pairs else 0
    if cached < step.pairs:
        raise DgopsError(
            f"{step.title}: {cached} of {step.pairs} items are cached, and training would leave out the rest unseen",
            f"look into {scene.place.cache}",
        )


def _hint(code: int) -> str:
    if code in KILLED:
        return "perhaps the machine's own memory was full: fewer blocks_to_swap, or a host with more; dgops jobs show"
    return "its last lines say why:  dgops logs, dgops jobs show"


def _tell_new(scene: Scene, plan: Plan) -> None:
    found = scene.outputs(plan)
    try:
        fresh = results.gather(scene.output, found)
    except OSError as error:
        # It is tried again at the next look, and at the end; a full disk ends the training by itself, or not.
        scene.teller.tell("warning", f"what was written cannot be gathered: {error.strerror or error}", "warning")
        return
    for path in fresh:
        kind = "sample" if path in found.samples else "checkpoint"
        step = found.samples.get(path, found.checkpoints.get(path, 0))
        scene.teller.tell(kind, path.rpartition("/")[2], step=step, path=path)


def _finish(scene: Scene, plan: Plan, found: Outputs, seconds: float) -> dict[str, Any]:
    """Draw the curve, put the LoRA where ComfyUI looks, write the card last."""
    folder = scene.output / results.FOLDER
    results.gather(scene.output, found)
    curve.prefer(scene.output / curve.METRICS, logged.read(scene.output))
    losses = curve.read(scene.output / curve.METRICS)
    curve.draw({scene.run: losses}, folder / "loss.png", f"{scene.run}: loss by step")
    with contextlib.suppress(FileNotFoundError):
        results.put(scene.output / curve.METRICS, folder / curve.METRICS)
    if scene.order.recipe.samples.prompts and not found.samples:
        scene.say("no sample was written, and some were asked for: its log may say why")
        scene.teller.tell("warning", "no sample was written, and some were asked for", "warning")
    lora = scene.output / found.final
    there = ""
    if scene.order.loras:
        path, digest = results.put_for_comfyui(lora, Path(scene.order.loras), scene.run)
        there = str(path)
    else:
        digest = digest_file(lora)
    ended: dict[str, Any] = {
        "file": lora.name,
        "sha256": digest,
        "steps": plan.total,
        "begun_at": plan.begin,
        "loss": losses[-1][1] if losses else None,
        "seconds": round(seconds, 1),
        "comfyui": there,
        "torch": scene.place.torch,
        "lowered": list(scene.lowered),
    }
    said = {**card.card(scene.order, plan, scene.machine, ended, _job()), "run": scene.run}
    card.write(folder, said)
    scene.teller.tell("complete", f"{lora.name} after {plan.total} steps", **ended)
    return said


def _set_aside(scene: Scene, good: int) -> None:
    """Move what was written from the last step with a loss on: its weights may be what made the next one none.

    Nobody goes on from it, and none of it goes home.
    """
    found = scene.outputs(scene.plan())
    spoilt = [path for path, at in found.checkpoints.items() if at >= good]
    spoilt += [one.path for one in found.states if one.step >= good]
    spoilt += [found.final] if found.final and found.final not in spoilt else []
    for path in spoilt:
        there = scene.output / SPOILT / str(time.time_ns()) / path
        there.parent.mkdir(parents=True)
        with contextlib.suppress(FileNotFoundError):
            (scene.output / path).rename(there)
        (scene.output / results.FOLDER / Path(path).name).unlink(missing_ok=True)


def _write(output: Path, plan: Plan) -> None:
    for name, text in plan.files.items():
        path = output / name
        if ".." in Path(name).parts or not path.is_relative_to(output):
            raise DgopsError(f"{name} lies outside of {output}")
        write_atomic(path, text)


def _job() -> dict[str, Any]:
    """Return the spec of the job that this is, an empty one outside of a job."""
    try:
        found = json.loads((Path(os.environ.get("DGOPS_JOB_DIR", "/nonexistent")) / "spec.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _seldom(look: Callable[[], float | None]) -> Callable[[], float | None]:
    at, seen = float("-inf"), None

    def ask() -> float | None:
        nonlocal at, seen
        if time.monotonic() - at > VRAM_SECONDS:
            at, seen = time.monotonic(), look()
        return seen

    return ask


def _alone(order: Order) -> contextlib.AbstractContextManager[None]:
    """Hold the run's lock, which says which job holds it."""

    def busy(job: str) -> DgopsError:
        by = f"job {job}" if job else "somebody else"
        return BusyError(f"{order.run} is being trained here by {by}", "dgops jobs list, follow")

    return locks.held(f"training {order.output}", busy, os.environ.get("DGOPS_JOB_ID", ""))
