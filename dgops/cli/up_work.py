"""What `dgops up` does on a pod: recipes of each kind as work, as the command of their own would start them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dgops.cli.watching import Options, say
from dgops.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from dgops.flows.up import Work
    from dgops.hosts.host import Host
    from dgops.jobs.job import Request
    from dgops.jobs.recipe import Recipe
    from dgops.settings import Settings
    from dgops.training.prepare import Ready


def work_of(recipe: str, dataset: str, settings: Settings, *, as_json: bool) -> tuple[Work, Options]:
    """Return the work that a recipe asks for, and how it is shown; every mistake is told before anything is rented.

    A recipe is a file, or one of those that dgops carries. `dataset` is a published set in place of the recipe's.
    """
    from dgops.jobs.recipe import kind_of
    from dgops.training import prepare

    path = prepare.find(recipe)
    if kind_of(path) == "train":
        return _training(settings, prepare.ready(path, dataset), as_json)
    if dataset:
        raise UsageError(f"--dataset is for a training, and {path} is none", "name the folder among its inputs")
    return _script(path, settings), Options(as_json=as_json)


def _training(settings: Settings, made: Ready, as_json: bool) -> tuple[Work, Options]:
    from dgops.cli.train_on_host import shown
    from dgops.training import card, work

    found = work.Work(settings, made, say)
    return found, replace(shown(found.home, as_json), as_object=lambda _ended: {"card": card.read(found.home)})


@dataclass(frozen=True)
class _Script:
    """A recipe of kind script as work: a job as `dgops run RECIPE` would start it."""

    fingerprint: str
    recipe: Recipe
    bare: Request

    def request(self, host: Host) -> Request:
        """Return the job, with the secrets that host and recipe name."""
        from dgops.cli.run import with_variables

        return with_variables(self.bare, (), self.recipe, host)


def _script(path: Path, settings: Settings) -> _Script:
    from socket import gethostname

    from dgops.cli.run import request_of
    from dgops.flows.up_state import fingerprint
    from dgops.jobs import recipe, source

    found = recipe.load(path)
    bare = request_of(found)
    return _Script(fingerprint(bare, source.read(bare.inputs, gethostname(), settings.state)), found, bare)
