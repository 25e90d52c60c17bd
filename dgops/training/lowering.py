"""A training that the GPU's memory is too small for: where that was asked for it goes on with less."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from dgops.training import ladder

if TYPE_CHECKING:
    from collections.abc import Callable

    from dgops.training.scene import Scene

Result = TypeVar("Result")


def as_before(scene: Scene) -> Scene:
    """Return the scene with what was lowered in it before, if anything was."""
    before = ladder.kept(scene.output)
    if before is None:
        return scene
    scene.say(f"lowered as before: {'; '.join(before[1])}")
    return scene.lower(*before)


def until_it_fits(scene: Scene, train: Callable[[Scene], Result]) -> Result:
    """Train, with one thing lowered after the other where the order asks for it; raises OutOfMemoryError at the end."""
    while True:
        try:
            return train(scene)
        except ladder.OutOfMemoryError:
            begun = scene.outputs(scene.plan()).state is not None
            found = ladder.below(scene.order.recipe, scene.place.vram_gib, begun) if scene.order.lower else None
            if found is None:
                raise
            recipe, words = found
            scene.say(f"out of memory: goes on with {words}")
            scene.teller.tell("lowered", f"out of memory: goes on with {words}", "warning")
            scene = scene.lower(recipe, (*scene.lowered, words))
            ladder.keep(scene.output, recipe, scene.lowered)
