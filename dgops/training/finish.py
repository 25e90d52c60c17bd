"""The end of a training: its curve, its LoRA where ComfyUI looks, its card."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops.files import digest_file
from dgops.training import card, curve, logged, results

if TYPE_CHECKING:
    from dgops.training.scene import Scene
    from dgops.training.values import Outputs, Plan


def finish(scene: Scene, plan: Plan, found: Outputs, seconds: float) -> dict[str, Any]:
    """Draw the curve, put the LoRA where ComfyUI looks, write the card last; returns the card."""
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


def _job() -> dict[str, Any]:
    """Return the spec of the job that this is, an empty one outside of a job."""
    try:
        found = json.loads((Path(os.environ.get("DGOPS_JOB_DIR", "/nonexistent")) / "spec.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
