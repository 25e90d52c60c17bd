"""A training as work for a host: the job that `dgops run train`, `up` and `go` start there."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dgops.files import digest_bytes, write_json
from dgops.hosts import secrets
from dgops.jobs.gpus import Gpus
from dgops.jobs.job import Input, Output, Request
from dgops.jobs.ready import deployed
from dgops.training import elsewhere, order, prepare, results, scene, silence

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dgops.hosts.host import Host
    from dgops.settings import Settings
    from dgops.training.order import Order
    from dgops.training.prepare import Ready

ORDER = "training.json"


@dataclass(frozen=True)
class Work:
    """A recipe with its set, to be trained by on whatever host; its run comes home to a folder of its own in `models`.

    `say` hears of models that are brought here on their way there; `lower` is the order's.
    """

    settings: Settings
    made: Ready
    say: Callable[[str], None]
    models: Path = results.MODELS
    lower: bool = False

    @property
    def home(self) -> Path:
        """Return the folder that the run comes home to."""
        return self.models / order.run_name(self.made.recipe, self.made.dataset)

    @property
    def fingerprint(self) -> str:
        """Return what tells this work from other work: what is trained on, by which recipe, and where it goes."""
        return digest_bytes(f"train\n{self.home.absolute()}\n{self.made.dataset.digest}".encode())

    def request(self, host: Host) -> Request:
        """Return the job; the order is written down here, and stays for as long as the run is known.

        Raises DgopsError where the host has no environment for the trainer.
        """
        contract = deployed(host, self.settings)
        ordered = replace(prepare.order_for(host, contract, self.made), lower=self.lower)
        mode = self.settings.mode or contract.mode
        argv = ("dgops", *(() if mode == "production" else ("--mode", mode)), "run", "train", ORDER)
        label = f"train {ordered.run}"
        return Request(
            "train",
            label,
            argv,
            self._inputs(host, ordered),
            (Output(f"{ordered.output}/{results.FOLDER}", self.home),),
            secrets=_secrets(host, ordered),
            gpus=Gpus(count=1),
            resume=argv,
            stall=silence.stall(ordered.recipe.trainer),
            fingerprint=label,
        )

    def _inputs(self, host: Host, ordered: Order) -> tuple[Input, ...]:
        path = self.settings.state / "training" / f"{ordered.run}.json"
        write_json(path, order.to_json(ordered))
        sets = {scene.DATASET: self.made.folder, scene.REGULARISATION: self.made.regularisation}
        return (
            Input(path, ORDER),
            *(Input(folder, name, _names(folder)) for name, folder in sets.items() if folder),
            *elsewhere.inputs(host, self.settings, ordered, self.say),
        )


def _secrets(host: Host, ordered: Order) -> dict[str, str]:
    # ai-toolkit fetches its model itself.
    fetched = any(one.source.startswith("hf:") for one in ordered.recipe.models)
    gated = ["HF_TOKEN"] if fetched or ordered.recipe.trainer == "ai-toolkit" else []
    known = secrets.wanted(host)
    return secrets.load([*known, *(name for name in gated if name in os.environ and name not in known)])


def _names(folder: Path) -> tuple[str, ...]:
    """Return the pictures and captions of a set's folder, and nothing that lies beside them."""
    return tuple(sorted(one.name for one in folder.iterdir() if one.suffix.lower() in (*prepare.PICTURES, ".txt")))
