"""Outputs that come home while their job still runs: whole files only, each when it is written."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.jobs.ask import Ask
from dgops.jobs.link import Link
from dgops.jobs.offers import offered
from dgops.jobs.place import show
from dgops.jobs.progress import Moved, Silent
from dgops.jobs.pull import Pulled, bring, files_of
from dgops.jobs.ready import work_user

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from dgops.jobs.job import Output
    from dgops.jobs.offers import Offer
    from dgops.jobs.place import Place
    from dgops.settings import Settings

# A pipeline's folders belong together: they come home when all is done.
KINDS = ("command", "script", "train")
# Between two looks; a look that takes long is not worth having often.
PAUSE, SHARE = 3.0, 10.0
# Digested and fetched at once.
MOST_NAMES = 1000
MOST_SHOWN = 3
MEGA = 1_000_000


class Whole:
    """Which files of a job's outputs are whole: alike in two looks, open for writing in neither, not seen before."""

    def __init__(self, ask: Ask, outputs: Sequence[Output]) -> None:
        self.ask, self.outputs = ask, outputs
        self._seen: dict[tuple[str, str], tuple[int, int]] = {}
        self._home: dict[tuple[str, str], tuple[int, int]] = {}

    def look(self) -> list[tuple[Output, list[str]]]:
        """Return the names by output."""
        found = []
        for output in self.outputs:
            now = {(output.path, name): stamp for name, stamp in self.ask.whole(output).items()}
            fresh = [key for key, one in now.items() if self._seen.get(key) == one and self._home.get(key) != one]
            self._seen.update(now)
            if fresh:
                found.append((output, [name for _, name in fresh]))
        return found

    def bring(self, go: Callable[[], bool] = lambda: True) -> tuple[list[Offer], list[Offer]]:
        """Look, and bring home what is whole by now; returns what is here, and what was not before.

        Raises DgopsError as `pull` does; where `go` says no it stops.
        """
        there: list[Offer] = []
        new: list[Offer] = []
        for output, names in self.look():
            for at in range(0, len(names), MOST_NAMES):
                offers, _ = offered(self.ask, output, Silent(), names[at : at + MOST_NAMES])
                wanted, changed = bring(self.ask.link, self.ask.user, offers, Silent(), go)
                if not go():
                    return there, new
                for one in offers:
                    if one.name not in changed and (output.path, one.name) in self._seen:
                        self._home[output.path, one.name] = self._seen[output.path, one.name]
                        there.append(one)
                new += [one for one in wanted if one.name not in changed]
        return there, new


def pull_whole(link: Link, base: str, user: str, job: str, outputs: Sequence[Output]) -> Pulled:
    """Bring home what a job that still runs has written whole; raises DgopsError as `pull` does."""
    started = time.monotonic()
    whole = Whole(Ask(link, base, user, job), outputs)
    whole.look()
    time.sleep(PAUSE)
    there, new = whole.bring()
    size, seconds = sum(one.size for one in there), time.monotonic() - started
    moved = Moved(len(there), size, len(there) - len(new), seconds, len(new))
    return Pulled(files_of(there), moved, tuple(dict.fromkeys(one.landing.root for one in there)))


class Early:
    """Brings a running job's outputs home on a connection of its own, beside whoever follows the job."""

    def __init__(self, place: Place, settings: Settings, told: Callable[[str], None]) -> None:
        self.place, self.settings, self.told = place, settings, told
        self._over = threading.Event()
        # What it fetches must not keep an interrupted command from ending.
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Early:
        if self.place.outputs and not self.place.home:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        # Two that write one file would spoil it for each other.
        if kind is None and self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        if self._over.wait(PAUSE):
            return
        try:
            with Link(self.place.host, self.settings) as link:
                job, _ = show(link, self.place)
                if job.kind in KINDS:
                    self._look_on(link)
        except (DgopsError, OSError) as error:
            if not self._over.is_set():
                words = error.message if isinstance(error, DgopsError) else str(error)
                self.told(f"outputs come home when the job is over: {words}")

    def _look_on(self, link: Link) -> None:
        place = self.place
        whole = Whole(Ask(link, place.base, work_user(place.host), place.id), place.outputs or ())
        pause = 0.0
        while not self._over.wait(pause):
            begun = time.monotonic()
            _, new = whole.bring(lambda: not self._over.is_set())
            if new:
                self.told(_home(new))
            pause = PAUSE if new else max(PAUSE, SHARE * (time.monotonic() - begun))


def _home(brought: Sequence[Offer]) -> str:
    names = ", ".join(one.name for one in brought[:MOST_SHOWN])
    more = f" and {len(brought) - MOST_SHOWN} more" if len(brought) > MOST_SHOWN else ""
    return f"{'home':<12} {names}{more}  {sum(one.size for one in brought) / MEGA:.1f} MB"
