"""From photographs to a LoRA: the set is gathered, then trained on; a step is done when its result is there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.dataset import project, whole
from dgops.errors import ConfigError, DgopsError, UsageError
from dgops.files import digest_file
from dgops.training import card, prepare
from dgops.training import recipe as recipes
from dgops.training.order import run_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dgops.dataset.options import Options
    from dgops.settings import Settings
    from dgops.training.prepare import Ready

MODELS = "models"
HELD, DONE, FAILED = "held", "done", "failed"


@dataclass(frozen=True)
class Asked:
    """One set and what is made of it: the run that gathers, the recipe that trains, where LoRAs come home."""

    options: Options
    recipe: Path
    models: Path

    def ready(self) -> Ready:
        """Return the recipe with the gathered set."""
        return prepare.ready(self.recipe, str(self.options.root))

    def ungathered(self) -> str:
        """Return what the set lacks, nothing where it is published as asked for."""
        return whole.lacking(self.options)

    def untrained(self) -> str:
        """Return what there is instead of the LoRA of this set by this recipe, nothing where it is home."""
        found = card.read(self._run())
        if found is None:
            return "no LoRA yet of this set by this recipe"
        lora = self.lora()
        if not lora.is_file():
            return f"{lora} is gone"
        return "" if digest_file(lora) == found["training"].get("sha256") else f"{lora} is not the one of its card"

    def lora(self) -> Path:
        """Return the file that the LoRA's card names."""
        found = card.read(self._run()) or {"training": {}}
        return self._run() / Path(str(found["training"].get("file"))).name

    def _run(self) -> Path:
        made = self.ready()
        return self.models / run_name(made.recipe, made.dataset)


@dataclass(frozen=True)
class Step:
    """One step: `lacking` says what keeps it from being done ("" when it is), `result` where that is, `work` does it.

    `work` returns an exit code, and may be called again after whatever happened.
    """

    name: str
    lacking: Callable[[], str]
    result: Callable[[], Path]
    work: Callable[[], int]


@dataclass(frozen=True)
class Ran:
    """What became of a step: held, done or failed; `words` are its result or what it still lacks."""

    step: str
    state: str
    words: str
    code: int = 0


def asked(settings: Settings, slug: str) -> Asked:
    """Return what `dgops go SLUG` goes by: [gather.SLUG] of dgops.toml, and the recipe SLUG.yml beside it.

    Raises ConfigError with every mistake of both, UsageError where one of them is not there.
    """
    problems: list[str] = []
    options = None
    try:
        options = project.chosen(settings, slug)
    except ConfigError as error:
        problems += error.problems
    folder = _short(settings.project or Path.cwd())
    path = folder / f"{slug}.yml"
    if not path.is_file():
        problems.append(f"{path}: the recipe of the set {slug} is not there: dgops recipes new {slug} --from sdxl")
    else:
        problems += _wrong(path, options)
    if problems or options is None:
        raise ConfigError(problems, "dgops gather and dgops train plan look at each by itself")
    return Asked(options, path, folder / MODELS)


def go(steps: Sequence[Step], again: str, begins: Callable[[str, str], None], told: Callable[[Ran], None]) -> list[Ran]:
    """Do what is not done, in order, until a step fails; `again` is the command that goes on from there.

    A DgopsError out of a step is raised with the step's name and with that command.
    """
    ran: list[Ran] = []
    for step in steps:
        try:
            found = _one(step, begins)
        except DgopsError as error:
            error.message = f"{step.name}: {error.message}"
            error.hint = f"{error.hint}; then the same goes on:  {again}".removeprefix("; then ")
            raise
        ran.append(found)
        told(found)
        if found.state == FAILED:
            break
    return ran


def _one(step: Step, begins: Callable[[str, str], None]) -> Ran:
    why = step.lacking()
    if not why:
        return Ran(step.name, HELD, str(step.result()))
    begins(step.name, why)
    code = step.work()
    left = step.lacking()
    if code or left:
        return Ran(step.name, FAILED, left or f"exit {code}", code or 1)
    return Ran(step.name, DONE, str(step.result()))


def _wrong(path: Path, options: Options | None) -> list[str]:
    """Return the recipe's mistakes; one is to train on another set."""
    try:
        said = recipes.load(path)
    except ConfigError as error:
        return list(error.problems)
    except UsageError as error:
        return [error.message]
    if options and said.dataset and Path(said.dataset).resolve() != options.root.resolve():
        return [f"{path}: dataset: {said.dataset} is another set than {options.root}, which is gathered"]
    return []


def _short(folder: Path) -> Path:
    return Path() if folder == Path.cwd() else folder
