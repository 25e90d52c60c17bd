"""Where a run takes place: its order, its trainer, the folders and facts of this machine, and who is told of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.training import machine, trainer, written
from dgops.training.values import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from dgops.training.machine import Machine
    from dgops.training.order import Order
    from dgops.training.teller import Teller
    from dgops.training.trainer import Trainer
    from dgops.training.values import Outputs, Plan, Recipe, State

# The sets that are sent along with a job, below its folder.
DATASET, REGULARISATION = "dataset", "regularisation"


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

    def lower(self, recipe: Recipe, lowered: tuple[str, ...]) -> Scene:
        """Return the scene with a recipe in the order's place, and what is lower in it."""
        return replace(self, order=replace(self.order, recipe=recipe), lowered=lowered)


def of(order: Order, work: Path, mode: str, teller: Teller, say: Callable[[str], None]) -> Scene:
    """Look at this machine; `work` holds the set. Raises DgopsError where there is no GPU and one is needed."""
    chosen, here = trainer.get(order.recipe.trainer), machine.look()
    require_gpu(chosen, here, mode)
    return Scene(order, chosen, place_of(order, work, here, mode), Path(order.output), here, teller, say, order.run)


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
