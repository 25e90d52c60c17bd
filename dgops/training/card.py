"""The model card: what a LoRA was made from, on what, and how it went; JSON for programs, Markdown for people."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dgops.files import write_atomic, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dgops.training.machine import Machine
    from dgops.training.order import Order
    from dgops.training.values import Plan

NAME, PAGE = "card.json", "README.md"
NOT_RECORDED = "not recorded"


def card(
    order: Order, plan: Plan, machine: Machine, ended: Mapping[str, Any], job: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the card; `job` is the spec of the job that trained it, `ended` steps, loss, seconds, sha256 and file."""
    attest = job.get("attest")
    attest = attest if isinstance(attest, dict) else {}
    return {
        "run": order.run,
        "recipe": asdict(order.recipe),
        "dataset": {**asdict(order.dataset), **order.facts},
        "environment": {"venv": order.venv, "attested": attest.get(order.venv, NOT_RECORDED), "torch": ended["torch"]},
        "machine": asdict(machine),
        "job": {key: job.get(key) for key in ("id", "correlation", "created")},
        "training": {**ended, "total": plan.total, "epochs": plan.epochs, "notes": list(plan.notes)},
    }


def write(folder: Path, found: Mapping[str, Any]) -> None:
    """Write both forms of a card."""
    write_json(folder / NAME, found)
    write_atomic(folder / PAGE, page(found))


def read(folder: Path) -> dict[str, Any] | None:
    """Return a card, None where there is none."""
    try:
        found = json.loads((folder / NAME).read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("training"), dict) else None


def page(found: Mapping[str, Any]) -> str:
    """Return the card as Markdown."""
    recipe, ended, machine, data = found["recipe"], found["training"], found["machine"], found["dataset"]
    said = recipe["parameters"]
    attested = found["environment"]["attested"]
    lock = attested if isinstance(attested, str) else "as its lock says" if attested.get("holds") else "drifted"
    rows = {
        "LoRA": f"`{ended['file']}`",
        "sha256": f"`{ended['sha256']}`",
        "trigger": f"`{recipe['trigger']}`",
        "trained by": f"{recipe['trainer']}, {recipe['architecture']}, preset {recipe['preset']}",
        "steps": f"{ended['steps']} of {ended['total']}, {ended['epochs']} epochs",
        "loss": f"{ended['loss']:.4f}" if ended["loss"] is not None else NOT_RECORDED,
        "optimizer": f"{said['optimizer']}, {said['scheduler']}, learning rate {said['learning_rate']:g}",
        "rank, alpha": f"{said['rank']}, {said['alpha']:g}",
        "lowered": "; ".join(ended.get("lowered") or ()) or "nothing",
        "resolution, batch": f"{said['resolution']}, {said['batch_size']}",
        "precision, seed": f"{said['precision']}, {said['seed']}",
        "base model": ", ".join(map(_model, recipe["models"])) or "none",
        "dataset": f"{data.get('slug', '')}: {data['images']} images, digest `{data['digest'][:16]}`",
        "rights": str(data.get("rights") or NOT_RECORDED),
        "GPU, driver": f"{', '.join(machine['gpus']) or 'none (CPU)'}, {machine['driver'] or 'none'}",
        "venv": f"`{found['environment']['venv']}`, {lock}; torch {found['environment']['torch']}",
        "job": f"{found['job']['id']}",
    }
    lines = [f"# {found['run']}", "", "| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows.items())]
    return "\n".join([*lines, "", "![loss](loss.png)", ""])


def _model(said: Mapping[str, str]) -> str:
    return f"{said['file']} `{said['sha256'][:12]}`" if said["sha256"] else f"{said['file']} (sha256 {NOT_RECORDED})"
