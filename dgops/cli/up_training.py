"""A training as the work of `dgops up`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.cli.watching import Options

if TYPE_CHECKING:
    from dgops.hosts.host import Host
    from dgops.jobs.job import Request
    from dgops.settings import Settings
    from dgops.training.prepare import Ready


@dataclass(frozen=True)
class _Training:
    """A recipe of kind train as work: a job as `dgops run train RECIPE` would start it."""

    fingerprint: str
    settings: Settings
    made: Ready

    def request(self, host: Host) -> Request:
        """Return the job that trains there; raises DgopsError where the host has no environment for the trainer."""
        from dgops.cli.train_on_host import request_for
        from dgops.jobs.ready import deployed
        from dgops.training import prepare

        contract = deployed(host, self.settings)
        order = prepare.order_for(host, contract, self.made)
        return request_for(self.settings, host, order, self.made, self.settings.mode or contract.mode)


def work_of(settings: Settings, made: Ready, as_json: bool) -> tuple[_Training, Options]:
    """Return a training as work, known by what is trained on and where it goes, and how it is shown."""
    from dgops.cli.train_on_host import MODELS, Steps, summary
    from dgops.files import digest_bytes
    from dgops.training import card
    from dgops.training.order import run_name

    home = Path(MODELS) / run_name(made.recipe, made.dataset)
    said = f"train\n{home.absolute()}\n{made.dataset.digest}"
    shown = Options(
        as_json=as_json,
        event=Steps().line,
        more=lambda ended: summary(ended, home),
        as_object=lambda _ended: {"card": card.read(home)},
        output=False,
    )
    return _Training(digest_bytes(said.encode()), settings, made), shown
