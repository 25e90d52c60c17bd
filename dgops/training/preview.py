"""What a training would be on a host, and whether it may begin: one look, nothing touched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.errors import DgopsError
from dgops.jobs.link import Link
from dgops.jobs.ready import deployed, require_ready
from dgops.training import prepare, scene, trainer
from dgops.training.machine import GIB, Machine, version_among
from dgops.training.order import Order, run_name
from dgops.transport.become import run_as_root

if TYPE_CHECKING:
    from dgops.hosts.host import Host
    from dgops.settings import Settings
    from dgops.training.prepare import Ready
    from dgops.training.values import Place, Plan

GPU = {"kind": "live", "type": "gpu"}
HOME = "/home/seanf"
LOOK_SECONDS = 30.0


@dataclass(frozen=True)
class Preview:
    """A plan with the run's name and every reason why it may not begin there; none means that it may."""

    run: str
    plan: Plan
    refusals: tuple[str, ...] = ()
    machine: Machine | None = None


def anywhere(made: Ready) -> Preview:
    """Return the plan with the folders of a host that nobody named."""
    chosen = trainer.get(made.recipe.trainer)
    name = run_name(made.recipe, made.dataset)
    venv = f"{HOME}/deadlygraphics/ai/apps/{chosen.app}/.venv"
    base = "/workspace/dgops/training"
    order = Order(made.recipe, made.dataset, venv, f"{base}/{name}", "/workspace/models", f"{base}/cache")
    place = _place(order, Machine(1, ("any GPU",) if chosen.gpu else ()), "fast-test")
    return Preview(name, chosen.plan(made.recipe, made.dataset, place))


def on(host: Host, settings: Settings, made: Ready) -> Preview:
    """Return the plan for a host as it is now; raises UnreachableError where it cannot be asked."""
    chosen = trainer.get(made.recipe.trainer)
    refusals: list[str] = []
    with Link(host, settings) as link:
        kept = deployed(host, settings)
        mode = settings.mode or kept.mode
        order = prepare.order_for(host, kept, made)
        try:
            require_ready(link)
        except DgopsError as error:
            refusals.append(error.message)
        seen = link.call("probe", {"checks": [GPU], "runtime": kept.runtime})
        installed = _installed(link, order.venv)
    machine = _machine(seen)
    try:
        scene.require_gpu(chosen, machine, mode)
    except DgopsError as error:
        refusals.append(error.message)
    plan = chosen.plan(made.recipe, made.dataset, _place(order, machine, mode, installed))
    need = plan.estimate.vram_gib
    if need and machine.gpus and machine.vram < need[0]:
        words = f"it needs {need[0]:g} GiB of GPU memory at least ({plan.estimate.source})"
        refusals.append(f"{words}, {machine.vram:.0f} are there")
    return Preview(order.run, plan, tuple(refusals), machine)


def _place(order: Order, machine: Machine, mode: str, installed: tuple[str, ...] = ()) -> Place:
    """Return the place of a plan that is only looked at; where nothing is known of its venv, nothing is refused."""
    torch, xformers = (version_among(installed, package) for package in ("torch", "xformers"))
    found = scene.place_of(order, Path("work"), machine, mode)
    return replace(found, torch=torch, xformers=bool(xformers) or not installed)


def _installed(link: Link, venv: str) -> tuple[str, ...]:
    """Return the names of the .dist-info folders of a venv on the host, none where there is no venv."""
    listing = ["sh", "-c", 'ls -d "$1"/lib/python3*/site-packages/*.dist-info', "sh", venv]
    done = run_as_root(link.transport(), listing, timeout=LOOK_SECONDS)
    return tuple(line.rpartition("/")[2] for line in done.stdout.decode(errors="replace").splitlines())


def _machine(answer: dict[str, object]) -> Machine:
    observations = answer.get("observations")
    first = observations[0] if isinstance(observations, list) and observations else {}
    seen = first.get("seen") if isinstance(first, dict) else None
    found = [one for one in (seen.get("gpus") or () if isinstance(seen, dict) else ()) if isinstance(one, dict)]
    totals = [one.get("total") for one in found]
    memory = next((total / GIB for total in totals if isinstance(total, int)), 0.0)
    driver = str(found[0].get("driver") or "") if found else ""
    return Machine(1, tuple(str(one.get("name")) for one in found), driver, memory)
