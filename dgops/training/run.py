"""One training on the machine that trains: from wherever it stands to a LoRA with its card, or a clear end."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops.errors import BusyError, DgopsError
from dgops.files import write_atomic
from dgops.training import (
    aside,
    card,
    curve,
    finish,
    follow,
    ladder,
    locks,
    lowering,
    machine,
    models,
    program,
    results,
    venv,
    written,
)
from dgops.training import scene as scenes
from dgops.training.follow import Follow

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from dgops.training.order import Order
    from dgops.training.scene import Scene
    from dgops.training.teller import Teller
    from dgops.training.values import Plan, Step

# By a signal, and as a shell that waited for it says so.
KILLED, SHOT = (-9, 137), "killed (SIGKILL), perhaps out of memory"
# Between two looks for new files, and at the memory of the GPU.
LOOK_SECONDS, VRAM_SECONDS = 1.0, 5.0
# After a look there is none for so many times as long as it took, since many files on a slow volume must not cost the
# training time; and not for longer than this, since one that copies a large file takes long once.
LOOK_TIMES, LONGEST_PAUSE = 100, 60.0


def train(order: Order, work: Path, mode: str, teller: Teller, say: Callable[[str], None]) -> dict[str, Any]:
    """Train, or go on, and return the card; `work` holds the set. Raises DgopsError with what keeps it from the end."""
    scene = scenes.of(order, work, mode, teller, say)
    scene.output.mkdir(parents=True, exist_ok=True)
    scene = lowering.as_before(scene)
    with _alone(order):
        models.require(order.recipe.models, Path(order.models), work / models.SENT, say)
        try:
            return lowering.until_it_fits(scene, _train)
        except DgopsError as error:
            if isinstance(error, follow.NotANumberError):
                aside.move(scene.output, scene.outputs(scene.plan()), error.good)
            state = scene.outputs(scene.plan()).state
            kept = f"the last good state is step {state.step} ({state.path})" if state else "no state was saved yet"
            teller.tell("failed", f"{error.message}; {kept}", "error", step=state.step if state else 0)
            raise DgopsError(f"{error.message}; {kept}", error.hint) from error


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
    return finish.finish(scene, plan, found, time.monotonic() - begun)


def _run(scene: Scene, plan: Plan, step: Step) -> None:
    seen = Follow(scene.chosen, plan, step, scene.output, scene.teller)
    seen.vram = _seldom(machine.vram_used if scene.machine.gpus else lambda: None)
    scene.say(step.title)
    scene.teller.tell("start", step.title, begin=plan.begin, total=plan.total, trains=step.trains)
    look = _spared(lambda: _tell_new(scene, plan)) if step.trains else lambda: None
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


def _write(output: Path, plan: Plan) -> None:
    for name, text in plan.files.items():
        path = output / name
        if ".." in Path(name).parts or not path.is_relative_to(output):
            raise DgopsError(f"{name} lies outside of {output}")
        write_atomic(path, text)


def _spared(look: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> Callable[[], None]:
    due = float("-inf")

    def ask() -> None:
        nonlocal due
        began = clock()
        if began < due:
            return
        look()
        ended = clock()
        due = ended + max(LOOK_SECONDS, min(LOOK_TIMES * (ended - began), LONGEST_PAUSE))

    return ask


def _seldom(look: Callable[[], float | None]) -> Callable[[], float | None]:
    at, seen = float("-inf"), None

    def ask() -> float | None:
        nonlocal at, seen
        if time.monotonic() - at > VRAM_SECONDS:
            at, seen = time.monotonic(), look()
        return seen

    return ask


def _alone(order: Order) -> AbstractContextManager[None]:
    """Hold the run's lock, which says which job holds it."""

    def busy(job: str) -> DgopsError:
        by = f"job {job}" if job else "somebody else"
        return BusyError(f"{order.run} is being trained here by {by}", "dgops jobs list, follow")

    return locks.held(f"training {order.output}", busy, os.environ.get("DGOPS_JOB_ID", ""))
