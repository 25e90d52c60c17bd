"""How far a training is: its bar read, its pace measured, its curve written, a loss that is none found at once."""

from __future__ import annotations

import json
import math
import os
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from dgops.errors import DgopsError
from dgops.training.curve import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dgops.training.teller import Teller
    from dgops.training.trainer import Trainer
    from dgops.training.values import Plan, Progress, Step

# A step is told at most twice a second.
PACE = 0.5
REMEMBERED = 50
OUT_OF_MEMORY = ("out of memory", "outofmemoryerror", "cuda_error_out_of_memory")
# torch on a CPU, where a trainer that needs no GPU works; beside a GPU, lowering would fill this memory still more.
OUT_OF_RAM = "defaultcpuallocator: can't allocate memory"


class NotANumberError(DgopsError):
    """The loss is no number any more; `good` is the last step that had one.

    It was reckoned with the weights of the step before it: those are the newest that are known to be good.
    """

    def __init__(self, message: str, hint: str, good: int) -> None:
        super().__init__(message, hint)
        self.good = good


class AnewError(DgopsError):
    """A resumed run began before the state that it was to go on from."""


class Follow:
    """Reads the lines of one program of a plan."""

    def __init__(self, trainer: Trainer, plan: Plan, step: Step, output: Path, teller: Teller) -> None:
        self.trainer, self.plan, self.step, self.teller = trainer, plan, step, teller
        self.metrics = output / METRICS
        self.at, self.last, self.told = plan.begin, time.monotonic(), 0.0
        self.loss: float | None = None
        self.good = plan.begin
        self.newest: Progress | None = None
        self.paces: deque[float] = deque(maxlen=REMEMBERED)
        self.memory = self.deaf = False
        self.vram: Callable[[], float | None] = lambda: None

    def saw(self, line: str) -> None:
        """Read a state of a line; raises NotANumberError where the loss is no number any more."""
        low = line.lower()
        if any(words in low for words in OUT_OF_MEMORY) or (OUT_OF_RAM in low and not self.trainer.gpu):
            self.memory = True
        found = self.trainer.progress(line) if self.step.trains else None
        if found is None:
            return
        step = found.step + self.step.begin
        if self.newest is None and step < self.plan.begin:
            raise AnewError(
                f"it began anew at step {step}, and was to go on from step {self.plan.begin}",
                "look at what it says of the state that it was given:  dgops logs",
            )
        if found.loss is not None and not math.isfinite(found.loss):
            raise NotANumberError(
                f"the loss is {found.loss} at step {step}", "a lower learning_rate, or bf16 for fp16", self.good
            )
        now = time.monotonic()
        if step <= self.at:
            if self.newest is None:
                self.newest, self.last = found, now
            return
        # What came before the bar, libraries and models, is no step's time.
        if self.newest:
            self.paces.append((now - self.last) / (step - self.at))
        self.at, self.last, self.newest = step, now, found
        if found.loss is not None:
            self.loss, self.good = found.loss, step
        self._record({"step": step, "loss": found.loss, "lr": found.lr, "time": round(time.time(), 3)})
        if now - self.told >= PACE or step == self.plan.total:
            self.told = now
            self.teller.tell("step", self.words(), **self.fields())

    def _record(self, row: dict[str, Any]) -> None:
        """Write a step down; a curve with a gap is no reason to end a training."""
        try:
            with self.metrics.open("a") as stream:
                stream.write(json.dumps(row) + "\n")
        except OSError as error:
            if not self.deaf:
                self.deaf = True
                self.teller.tell("warning", f"{self.metrics.name} cannot be written: {error.strerror}", "warning")

    def fields(self) -> dict[str, Any]:
        """Return what an event of a step holds."""
        eta = self.eta()
        return {
            "step": self.at,
            "total": self.plan.total,
            "epoch": self.epoch(),
            "epochs": self.plan.epochs,
            "loss": self.loss,
            "lr": self.newest.lr if self.newest else None,
            "rate": round(1 / self._middle(), 3) if self._middle() else None,
            "eta": [round(one, 1) for one in eta] if eta else None,
            "vram": self.vram(),
        }

    def words(self) -> str:
        """Return how far it is, in a line."""
        said = self.fields()
        parts = [f"{self.at}/{self.plan.total}", f"epoch {said['epoch']}/{self.plan.epochs}"]
        parts += [f"loss {self.loss:.4f}"] if self.loss is not None else []
        parts += [f"lr {said['lr']:.3g}"] if said["lr"] is not None else []
        parts += [f"{said['rate']:.2f} it/s"] if said["rate"] else []
        parts += [f"ETA {clock(said['eta'][0])}–{clock(said['eta'][1])}"] if said["eta"] and said["eta"][1] else []
        parts += [f"{said['vram']:.1f} GiB"] if said["vram"] is not None else []
        return "  ".join(parts)

    def epoch(self) -> int:
        """Return the epoch that the newest step belongs to, from 1 on."""
        per = self.plan.total / max(1, self.plan.epochs)
        return min(self.plan.epochs, max(1, math.ceil(self.at / per))) if per else 1

    def eta(self) -> tuple[float, float] | None:
        """Return the seconds that are left: at the pace of its quicker and of its slower steps."""
        if not self.paces:
            return None
        ordered = sorted(self.paces)
        left = self.plan.total - self.at
        quick, slow = ordered[len(ordered) // 4], ordered[(3 * len(ordered)) // 4]
        return left * quick, left * max(slow, sum(ordered) / len(ordered))

    def _middle(self) -> float:
        return sorted(self.paces)[len(self.paces) // 2] if self.paces else 0.0


def clock(seconds: float) -> str:
    """Return 3:07, or 2:03:07 from an hour on."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def cut(metrics: Path, begin: int) -> None:
    """Take away what a run wrote behind the state that it goes on from: those steps come again."""
    if not metrics.is_file():
        return
    kept = []
    for line in metrics.read_text().splitlines():
        try:
            good = json.loads(line)["step"] <= begin
        except (ValueError, KeyError, TypeError):
            good = False
        kept += [line] if good else []
    part = metrics.with_name(f".{metrics.name}.part")
    part.write_text("".join(f"{line}\n" for line in kept))
    os.replace(part, metrics)
