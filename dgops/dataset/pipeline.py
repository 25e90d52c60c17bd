"""Runs the stages in their order, reuses those that hold, and says whether the set is whole."""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from dgops.dataset import lock, stage, tally
from dgops.dataset.manifest import Digests
from dgops.dataset.options import check
from dgops.dataset.workers import Workers
from dgops.errors import DgopsError

if TYPE_CHECKING:
    from pathlib import Path

    from dgops.dataset.deliver import Delivery
    from dgops.dataset.options import Options
    from dgops.dataset.stage import Made, Stage

# In order; each module declares a STAGE and is loaded on use.
STAGES = (
    "dgops.dataset.stages.scrape",
    "dgops.dataset.stages.crop",
    "dgops.dataset.stages.validate",
    "dgops.dataset.stages.clean",
    "dgops.dataset.stages.caption",
    "dgops.dataset.stages.publish",
    "dgops.dataset.stages.summary",
)


@dataclass(frozen=True)
class StageRun:
    """What one stage did, for people and for `--json`."""

    name: str
    counts: str
    words: str
    held: bool
    seconds: float
    items: int
    kept: int
    reasons: dict[str, int]
    aside: Path | None = None


@dataclass(frozen=True)
class Failure:
    """Where a run ended, and why."""

    stage: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Outcome:
    """A whole run: ok only where both files of the summary are there and everything was delivered."""

    ok: bool
    stages: list[StageRun] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    summary: list[Path] = field(default_factory=list)
    failure: Failure | None = None

    @property
    def kept(self) -> int:
        """How many images the set has."""
        return next((one.kept for one in self.stages if one.name == "05_caption"), 0)


class Watcher(Protocol):
    """Is told what happens while it does."""

    def stage_over(self, run: StageRun) -> None:
        """A stage is whole."""

    def delivered(self, delivery: Delivery) -> None:
        """Results went to a place outside of the run's folder."""


def run(options: Options, watcher: Watcher, count: int | None = None) -> Outcome:
    """Run the pipeline; `count` is how many processes work on images.

    Raises UsageError where nothing can be begun, BusyError where another run is at work on the same set, DgopsError
    where a model would have to run on the CPU. All that fails later is in the outcome.
    """
    check(options)
    require_libraries()
    require_models_can_run(options)
    with lock.hold(options.output / f".{options.slug}.lock", str(options.root)):
        stage.clear(options.root)
        workers = Workers(count)
        try:
            return _Run(options, watcher, workers).go()
        finally:
            workers.close()


def require_libraries() -> dict[str, str]:
    """Return the versions that images depend on; raises DgopsError where a library is missing or the wrong one."""
    versions = {}
    for name, package in (("numpy", "numpy"), ("cv2", "opencv"), ("PIL", "pillow")):
        try:
            versions[package] = str(importlib.import_module(name).__version__)
        except ImportError as error:
            raise DgopsError(
                f"the dataset pipeline needs {package}: {error}", "install the extra: pip install 'dgops[dataset]'"
            ) from None
    import cv2

    if not hasattr(cv2, "CascadeClassifier"):
        raise DgopsError(
            f"OpenCV {versions['opencv']} has no face detector", "install the extra: pip install 'dgops[dataset]'"
        )
    # Where images are decoded side by side, each process has one thread to itself.
    cv2.setNumThreads(1)
    return versions


def require_models_can_run(options: Options) -> None:
    """Raise DgopsError where the plan holds a model and this machine has no GPU for it, before the first stage.

    Of what a plan can hold only captioners may run one: faces are found by cascades, subjects by their colours.
    """
    from dgops.dataset.captioners import captioner
    from dgops.environments.cuda import require_gpu

    need = captioner.load(options).gpu_memory()
    if need:
        require_gpu(options.mode, need)


class _Run:
    """The state of one run: what is made so far, and where it is."""

    def __init__(self, options: Options, watcher: Watcher, workers: Workers) -> None:
        self.options = options
        self.watcher = watcher
        self.bench = stage.Bench(options, workers, Digests(), require_libraries())
        self.made: dict[str, Made] = {}
        self.stages: list[StageRun] = []
        self.deliveries: list[Delivery] = []
        self.place = ""

    def go(self) -> Outcome:
        from dgops.dataset import deliver

        try:
            for module in STAGES:
                self._bring(importlib.import_module(module).STAGE)
            self.place = "07_summary"
            deliver.judge(self.options, self.made)
            self.place = "delivery"
            for delivery in deliver.deliver(self.options, self.made):
                self.deliveries.append(delivery)
                self.watcher.delivered(delivery)
            summary = deliver.summary_files(self.options, self.made)
        except DgopsError as error:
            if error.exit_code == 2 and not self.stages:
                raise
            return self._failed(error.message, error.hint)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            hint = f"look at the disk under {self.options.output} and run it again: finished stages are kept"
            return self._failed(f"{where}{error.strerror or error}", hint)
        return Outcome(True, self.stages, self.deliveries, summary)

    def _bring(self, one: Stage) -> None:
        self.place = one.name
        started = time.monotonic()
        made = stage.bring(one, self.bench, self.made)
        self.made[one.name] = made
        counts, words = one.describe(made.manifest)
        known: dict[str, Any] = {"items": len(made.manifest.items), "kept": len(made.manifest.kept)}
        known |= {"reasons": tally.reasons(made.manifest.items), "aside": made.aside}
        run = StageRun(one.name, counts, words, made.held, time.monotonic() - started, **known)
        self.stages.append(run)
        self.watcher.stage_over(run)

    def _failed(self, message: str, hint: str) -> Outcome:
        return Outcome(False, self.stages, self.deliveries, failure=Failure(self.place, message, hint))
