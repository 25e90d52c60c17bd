"""From photographs to a LoRA: the set is gathered, then trained on; a step is done when its result is there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.dataset import project, whole
from dgops.errors import ConfigError, DgopsError, UsageError
from dgops.files import digest_file
from dgops.training import card, prepare, results
from dgops.training import recipe as recipes
from dgops.training.order import run_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dgops.dataset.options import Options
    from dgops.settings import Settings
    from dgops.training.prepare import Ready

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

    def gathered(self) -> Look:
        """Look whether the set is published as asked for."""
        return Look(whole.lacking(self.options), self.options.root)

    def trained(self) -> Look:
        """Look whether the LoRA of this set by this recipe is home."""
        made = self.ready()
        run = self.models / run_name(made.recipe, made.dataset)
        found = card.read(run)
        if found is None:
            return Look("no LoRA yet of this set by this recipe", run)
        lora = run / Path(str(found["training"].get("file"))).name
        if not lora.is_file():
            return Look(f"{lora} is gone", lora)
        same = digest_file(lora) == found["training"].get("sha256")
        return Look("" if same else f"{lora} is not the one of its card", lora)


@dataclass(frozen=True)
class Look:
    """What was seen of a step: what keeps it from being done ("" when it is), and where its result is."""

    lacks: str
    result: Path


@dataclass(frozen=True)
class Step:
    """One step: `look` says how it stands, `work` does it, may be called again after anything, and returns a code."""

    name: str
    look: Callable[[], Look]
    work: Callable[[], int]


@dataclass(frozen=True)
class Ran:
    """What became of a step: held, done or failed; `words` are its result or what it still lacks."""

    step: str
    state: str
    words: str
    code: int = 0
    hint: str = ""


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
    return Asked(options, path, folder / results.MODELS)


def go(steps: Sequence[Step], begins: Callable[[str, str], None], told: Callable[[Ran], None]) -> list[Ran]:
    """Do what is not done, in order, until a step fails; `begins` hears of each that is worked on, and why."""
    ran: list[Ran] = []
    for step in steps:
        try:
            found = _one(step, begins)
        except DgopsError as error:
            found = Ran(step.name, FAILED, error.message, error.exit_code, error.hint)
        ran.append(found)
        told(found)
        if found.state == FAILED:
            break
    return ran


def _one(step: Step, begins: Callable[[str, str], None]) -> Ran:
    seen = step.look()
    if not seen.lacks:
        return Ran(step.name, HELD, str(seen.result))
    begins(step.name, seen.lacks)
    code = step.work()
    seen = step.look()
    if code or seen.lacks:
        return Ran(step.name, FAILED, seen.lacks or f"exit {code}", code or 1)
    return Ran(step.name, DONE, str(seen.result))


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
