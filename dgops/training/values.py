"""What training speaks of: a recipe that is resolved, the set, the place, the plan, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Model:
    """One file of the base model: `role` is what a trainer calls it (checkpoint, dit, vae, t5xxl …).

    `file` is its name below the models folder. `source` is a URL, hf:OWNER/NAME/FILE, HOST:/PATH, or nothing where
    it must be there already.
    """

    role: str
    file: str
    sha256: str = ""
    source: str = ""


@dataclass(frozen=True)
class Samples:
    """Pictures made on the way: for each prompt one, after so many steps and at the end; 0 makes none on the way."""

    prompts: tuple[str, ...] = ()
    every: int = 0
    seed: int = 42


@dataclass(frozen=True)
class Parameters:
    """How it is trained. Either `steps` or `epochs` is set, the other one is 0. `save_every` counts steps."""

    optimizer: str
    scheduler: str
    precision: str
    learning_rate: float
    rank: int
    alpha: float
    resolution: int
    batch_size: int = 1
    steps: int = 0
    epochs: int = 0
    seed: int = 42
    save_every: int = 0
    optimizer_args: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """One training, resolved: a preset's values with what the recipe overrides. `name` is its file's.

    `dataset` and `regularisation` are folders of a published set at home, the latter "" for none; `class_word` is
    the caption of its images. `options` are a trainer's own, in the trainer's spelling, without dashes.
    """

    name: str
    trainer: str
    architecture: str
    preset: str
    dataset: str
    trigger: str
    parameters: Parameters
    samples: Samples = Samples()
    models: tuple[Model, ...] = ()
    regularisation: str = ""
    class_word: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    def model(self, role: str) -> Model | None:
        """Return the base model's file of that role."""
        return next((one for one in self.models if one.role == role), None)


@dataclass(frozen=True)
class Dataset:
    """What a plan must know of the set that will be trained on: its digest, and how many images it has."""

    digest: str
    images: int
    regularisation: int = 0


@dataclass(frozen=True)
class Place:
    """Folders and facts of the host that trains, each path absolute and as the host writes it.

    `app` is the trainer's clone, `python` that of its venv, `dataset` the folder of images with their captions,
    `output` this run's own folder, `cache` a folder of this set and architecture on local disk.
    """

    app: str
    python: str
    dataset: str
    output: str
    models: str
    cache: str
    regularisation: str = ""
    cpus: int = 1
    gpus: int = 0
    vram_gib: float = 0.0
    torch: str = ""
    xformers: bool = False
    fast_test: bool = False


@dataclass(frozen=True)
class State:
    """What a run goes on from: optimizer steps done in all, whole epochs, and its folder or file below `output`.

    `runs` have written to `output` before; `per_epoch` is how many steps an epoch has, 0 where nothing says so.
    """

    step: int
    epoch: int
    path: str
    runs: int = 1
    per_epoch: int = 0


@dataclass(frozen=True)
class Step:
    """One program of a plan, in order. `env` comes on top of a job's.

    Where it `trains`, its bar is the run's progress and counts from `begin`: what it shows plus that is the absolute
    step. `pairs` asks that as many items of the set as given are cached before the next step starts; the trainer
    says by `Trainer.cached` which files count.
    """

    title: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    trains: bool = False
    begin: int = 0
    pairs: int = 0


@dataclass(frozen=True)
class Estimate:
    """How long and how much memory, each a range or nothing, and where that is from."""

    source: str
    seconds: tuple[float, float] | None = None
    vram_gib: tuple[float, float] | None = None


@dataclass(frozen=True)
class Plan:
    """What would run: files to write (path below `output` → text), programs, and what must be there at the end.

    `total` is the absolute number of optimizer steps; `begin` how many of them are done. `lora` is the final file
    below `output`.
    """

    files: Mapping[str, str]
    steps: tuple[Step, ...]
    total: int
    epochs: int
    lora: str
    begin: int = 0
    estimate: Estimate = Estimate("nobody measured it")
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """One state of a trainer's bar, as it printed it; what it did not say is None. `rate` is steps a second."""

    bar: str
    step: int
    total: int | None = None
    epoch: int | None = None
    loss: float | None = None
    lr: float | None = None
    rate: float | None = None
    eta: float | None = None


@dataclass(frozen=True)
class Written:
    """What lies in a run's output folder: path below it → size in bytes and modification time.

    `notes` hold what small files say, by path: the `__metadata__` of a .safetensors file, or a .json file's object.
    """

    files: Mapping[str, tuple[int, float]]
    notes: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


@dataclass(frozen=True)
class Outputs:
    """What a trainer wrote, sorted: LoRA files by their absolute step, samples by step, the newest state that is whole.

    `states` are all that are whole, oldest first: after a loss that is no number, one before it is gone back to.
    `final` is the file of the finished LoRA, "" while there is none.
    """

    checkpoints: Mapping[str, int] = field(default_factory=dict)
    samples: Mapping[str, int] = field(default_factory=dict)
    state: State | None = None
    final: str = ""
    states: tuple[State, ...] = ()
