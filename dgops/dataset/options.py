"""What a run of the dataset pipeline was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.dataset.names import slug_problem, trigger_problem
from dgops.errors import UsageError
from dgops.hosts.paths import to_here
from dgops.jobs.landing import unwritable

if TYPE_CHECKING:
    from collections.abc import Mapping

CROPS = ("face", "subject", "none")
CAPTIONERS = ("template",)
# What a set of regularisation images is named after the set that it belongs to.
CLASS_ENDING = "-class"
# Where each trainer looks, unless a host says otherwise.
WINDOWS_TRAINER = "/mnt/c/AI/apps/musubi-tuner"
LINUX_TRAINER = "/home/seanf/deadlygraphics/ai/apps/musubi-tuner"


@dataclass(frozen=True)
class Targets:
    """Folders outside the run that get its results; each is a variable of the host, None where it has none."""

    windows: Path | None = None
    linux: Path | None = None
    warehouse: Path | None = None


@dataclass(frozen=True)
class Options:
    """One run: its name, where its images come from, what is done with them and where the results go.

    `target` is how many images the set should have, None for all good ones. `output_dir` gets a copy of the summary.
    Regularisation images, `of_class`, are a set of their own, SLUG-class: the words of their class are its trigger.
    In the mode production whatever runs a model needs a GPU; fast-test needs none.
    """

    slug: str
    source: Path
    trigger: str
    crop: str
    captioner: str = "template"
    target: int | None = None
    output: Path = Path("outputs")
    output_dir: Path | None = None
    targets: Targets = Targets()
    mode: str = "production"
    of_class: bool = False

    @property
    def asked(self) -> tuple[str, ...]:
        """The options of a command line that name this set."""
        if self.of_class:
            return "--slug", self.slug.removesuffix(CLASS_ENDING), "--class", self.trigger
        return "--slug", self.slug, "--trigger", self.trigger

    @property
    def root(self) -> Path:
        """The folder that holds one sub-folder for each stage."""
        return self.output / self.slug


def check(options: Options) -> None:
    """Raise UsageError with everything that is wrong before any work is done."""
    source, root = options.source, options.root
    problems = [slug_problem(options.slug), trigger_problem(options.trigger)]
    if not source.exists():
        problems.append(f"{source}: no such folder")
    elif not source.is_dir():
        problems.append(f"{source} is no folder")
    elif source.resolve().is_relative_to(root.resolve()):
        problems.append(f"{source} lies inside {root}, which this run writes")
    for folder in (root, options.output_dir):
        if folder:
            problems.append(f"{folder} is no folder" if folder.is_file() else unwritable(folder))
    targets = options.targets
    if targets.windows and targets.linux and targets.windows.resolve() == targets.linux.resolve():
        problems.append(f"{targets.windows} is named for both trainers, and each would take away the other's set")
    found = list(dict.fromkeys(problem for problem in problems if problem))
    if found:
        raise UsageError("\n  ".join(found), "dgops run dataset --help")


def read_targets(environment: Mapping[str, str]) -> Targets:
    """Return where results are shipped to, from DGOPS_PUBLISH_WINDOWS, DGOPS_PUBLISH_LINUX and DGOPS_WAREHOUSE."""
    names = ("DGOPS_PUBLISH_WINDOWS", "DGOPS_PUBLISH_LINUX", "DGOPS_WAREHOUSE")
    windows, linux, warehouse = (here(environment[name]) if environment.get(name) else None for name in names)
    return Targets(windows, linux, warehouse)


def here(path: str) -> Path:
    """Return a path as this system writes it; one typed the Windows way is translated, unless it is there as typed."""
    return Path(path) if Path(path).exists() else to_here(path)
