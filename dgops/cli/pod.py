"""dgops pod: what is for rent, what is rented, and renting it."""

from __future__ import annotations

import click

from dgops.cli.pod_costs import costs
from dgops.cli.pod_create import create
from dgops.cli.pod_end import stop, terminate
from dgops.cli.pod_list import list_pods, reconcile, show
from dgops.cli.pod_logs import logs
from dgops.cli.pod_offers import offers, volumes
from dgops.cli.pod_ssh import ssh
from dgops.cli.pod_start import restart, start


@click.group()
def pod() -> None:
    """Rent pods at RunPod, with the key RUNPOD_API_KEY of the keyring or the environment."""


for _command in (
    costs,
    create,
    list_pods,
    logs,
    offers,
    reconcile,
    restart,
    show,
    ssh,
    start,
    stop,
    terminate,
    volumes,
):
    pod.add_command(_command)
