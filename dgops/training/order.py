"""What a host is handed to train by: the recipe, the set and where things lie there; JSON there and back."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from dgops.errors import UsageError
from dgops.files import digest_bytes
from dgops.training.values import Dataset, Model, Parameters, Recipe, Samples

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1


@dataclass(frozen=True)
class Order:
    """One training of one set. Folders are the host's; `venv` is the trainer's, `loras` is ComfyUI's folder or "".

    `facts` are what the card says of the set beside its digest: slug, sources, rights. `lower` asks that what does not
    fit into the GPU's memory is lowered.
    """

    recipe: Recipe
    dataset: Dataset
    venv: str
    output: str
    models: str
    cache: str
    loras: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    lower: bool = False

    @property
    def run(self) -> str:
        """The run's name: equal for an equal recipe and set, so that it is gone on with and never mixed up."""
        return run_name(self.recipe, self.dataset)


def run_name(recipe: Recipe, dataset: Dataset) -> str:
    """Return NAME-DIGEST of all that decides what a training becomes."""
    said = {**asdict(recipe), "dataset": "", "regularisation": bool(recipe.regularisation)}
    # Where a model was fetched from changes nothing in it.
    said["models"] = [{**one, "source": ""} for one in said["models"]]
    text = json.dumps([said, asdict(dataset)], sort_keys=True)
    return f"{recipe.name}-{digest_bytes(text.encode())[:8]}"


def to_json(order: Order) -> dict[str, Any]:
    """Return the order as it is carried."""
    return {"version": VERSION, **asdict(order)}


def read(path: Path) -> Order:
    """Read an order; raises UsageError where it is none."""
    try:
        return parse(json.loads(path.read_text()))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"{path}: no training that this dgops planned: {error}", "dgops run train RECIPE.yml"
        ) from None


def parse(body: Any) -> Order:
    """Return the order that a JSON value holds; raises KeyError, TypeError or ValueError where it holds another."""
    if body["version"] != VERSION:
        raise ValueError(f"version {body['version']}, this dgops reads {VERSION}")
    rest = {key: value for key, value in body.items() if key not in ("version", "recipe", "dataset")}
    return Order(recipe_of(body["recipe"]), Dataset(**body["dataset"]), **rest)


def recipe_of(body: dict[str, Any]) -> Recipe:
    """Return the recipe that a JSON value holds."""
    said = dict(body)
    said["parameters"] = Parameters(
        **{**said["parameters"], "optimizer_args": tuple(said["parameters"]["optimizer_args"])}
    )
    said["samples"] = Samples(**{**said["samples"], "prompts": tuple(said["samples"]["prompts"])})
    said["models"] = tuple(Model(**one) for one in said["models"])
    return Recipe(**said)
