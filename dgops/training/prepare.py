"""From a recipe file to an order for a host: the published set looked at here, the host's contract read."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops.dataset import manifest as manifests
from dgops.environments import tables
from dgops.errors import DgopsError, UsageError
from dgops.files import digest_bytes, digest_files
from dgops.jobs.ready import base_of
from dgops.training import recipe as recipes
from dgops.training import trainer
from dgops.training.order import Order, run_name
from dgops.training.values import Dataset

if TYPE_CHECKING:
    from dgops.health.contract import Contract
    from dgops.hosts.host import Host
    from dgops.training.trainer import Trainer
    from dgops.training.values import Recipe

PUBLISHED, TRIGGER_FILE = "06_publish", "trigger_word.txt"
SMALL, LARGE = "256", "1024"
PICTURES = (".jpg", ".jpeg", ".png", ".webp")
# What a set may say of the right to use it, image by image.
RIGHTS = ("rights", "licence", "license")


@dataclass(frozen=True)
class Ready:
    """A recipe with its set: the folders that are sent, and what a plan and a card must know of them."""

    recipe: Recipe
    dataset: Dataset
    folder: Path
    regularisation: Path | None
    facts: dict[str, Any]


def names() -> list[str]:
    """Return the recipes that dgops carries."""
    return sorted(path.stem for path in tables.folder("recipes").glob("*.yml"))


def find(text: str) -> Path:
    """Return the file of a recipe, by its path or by the name of one that dgops carries; raises UsageError."""
    path = Path(text)
    if path.suffix in (".yml", ".yaml") or path.is_file():
        return path
    if text in names():
        return tables.folder("recipes") / f"{text}.yml"
    raise tables.not_known("recipe", text, names())


def ready(path: Path, dataset: str = "") -> Ready:
    """Return a recipe with its set; `dataset` is used in place of the recipe's. Raises UsageError, ConfigError."""
    said = recipes.load(path)
    where = os.path.abspath(dataset) if dataset else said.dataset
    if not where:
        raise UsageError(f"{path} names no dataset", "dataset: outputs/SLUG in the recipe, or --dataset outputs/SLUG")
    published = published_folder(Path(where))
    folder = published / (SMALL if said.parameters.resolution <= int(SMALL) else LARGE)
    _require_captions(folder)
    side = published_folder(Path(said.regularisation)) / folder.name if said.regularisation else None
    if side:
        _require_captions(side)
    trigger = said.trigger or _trigger(published)
    facts = _facts(published)
    found = Dataset(_digest(folder, side), len(_pictures(folder)), len(_pictures(side)) if side else 0)
    return Ready(recipes.with_trigger(replace(said, dataset=where), trigger), found, folder, side, facts)


def order_for(host: Host, contract: Contract, made: Ready) -> Order:
    """Return what the host is handed; raises DgopsError where it has no environment for the trainer."""
    chosen = trainer.get(made.recipe.trainer)
    base = base_of(contract)
    store = host.variables.get("comfyui__models") or f"{contract.persistent_root.rstrip('/')}/models"
    run = run_name(made.recipe, made.dataset)
    known = bool(host.variables.get("comfyui__models")) or any(one.role == "comfyui" for one in contract.checks)
    return Order(
        recipe=made.recipe,
        dataset=made.dataset,
        venv=venv_of(contract, chosen.lock) or _refuse(host, chosen),
        output=f"{base}/training/{run}",
        models=str(store),
        cache=f"{base}/training/cache/{made.dataset.digest[:12]}-{made.recipe.architecture}",
        loras=f"{store}/loras" if known else "",
        facts=made.facts,
    )


def venv_of(contract: Contract, lock: str) -> str:
    """Return the venv on a host that is built by a lock, or by that lock for another profile; "" for none."""
    for check in contract.checks:
        if check.type == "venv":
            name = Path(str(check.wanted.get("lock", ""))).stem
            if name == lock or name.startswith(f"{lock}-cu") or name == f"{lock}-cpu":
                return str(check.wanted["path"])
    return ""


def published_folder(folder: Path) -> Path:
    """Return the published set in a folder of outputs, or the folder itself where it is that; raises UsageError."""
    for one in (folder / PUBLISHED, folder):
        if (one / SMALL).is_dir() and (one / LARGE).is_dir():
            return one
    raise UsageError(f"{folder}: no published set there", "dgops run dataset makes one in outputs/SLUG")


def _refuse(host: Host, chosen: Trainer) -> str:
    raise DgopsError(
        f"{host.name} has no environment for {chosen.name}: its contract knows no venv by the lock {chosen.lock}",
        f"in the inventory: dgops_apps: [{chosen.app.replace('-', '_')}]; then: dgops deploy --host {host.name}",
    )


def _require_captions(folder: Path) -> None:
    pictures = _pictures(folder)
    twice = sorted({one.stem for one in pictures if [two.stem for two in pictures].count(one.stem) > 1})
    bare = [path.name for path in pictures if not path.with_suffix(".txt").is_file()]
    if not pictures:
        raise UsageError(f"{folder}: no pictures there", "dgops run dataset makes a set")
    if twice:
        # Trainers cache and caption by the name without its ending: one of the two would be trained on twice.
        raise UsageError(f"{folder}: several pictures are called {', '.join(twice[:3])}", "a name of its own for each")
    if bare:
        more = f" and {len(bare) - 3} more" if len(bare) > 3 else ""
        raise UsageError(f"{folder}: no caption beside {', '.join(bare[:3])}{more}", "a text file of the same name")


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES) if folder.is_dir() else []


def _digest(folder: Path, side: Path | None) -> str:
    """Return one digest over all that is trained on: pictures and captions."""
    found = [
        digest_files(one, [*_pictures(one), *(path.with_suffix(".txt") for path in _pictures(one))])
        for one in (folder, *([side] if side else []))
    ]
    return found[0] if len(found) == 1 else digest_bytes("".join(found).encode())


def _trigger(published: Path) -> str:
    try:
        return (published / TRIGGER_FILE).read_text(encoding="utf-8").strip()
    except OSError:
        raise UsageError(f"{published}: no {TRIGGER_FILE}, and the recipe names no trigger", "trigger: WORD") from None


def _facts(published: Path) -> dict[str, Any]:
    """Return what a card says of a set: its name, where its images are from, and what is known of rights."""
    kept = manifests.load(published)
    items = kept.kept if kept else []
    rights = sorted({str(item.facts[key]) for item in items for key in RIGHTS if item.facts.get(key)})
    return {
        "slug": published.parent.name if published.name == PUBLISHED else published.name,
        "sources": {item.name: {"file": item.source, "sha256": item.sha256} for item in items},
        "rights": ", ".join(rights),
    }
