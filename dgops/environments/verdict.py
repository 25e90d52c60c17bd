"""May this environment run there, and why not: pure judgement over driver, GPU, wheels and trainer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.environments import gpus as gpu_table
from dgops.environments import profiles as profile_table
from dgops.environments.profiles import sm
from dgops.errors import DgopsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dgops.environments.gpus import Gpu
    from dgops.environments.profiles import Profile
    from dgops.environments.trainers import Release

CPU = "cpu"
FAST_TEST = "fast-test"
DRIVER = re.compile(r"\d{3,4}(\.\d+){0,3}")


@dataclass(frozen=True)
class Place:
    """What an environment would run on: a GPU, or None where there is none, and the driver's version."""

    gpu: Gpu | None
    driver: str
    mode: str = "production"


@dataclass(frozen=True)
class ProfileVerdict:
    """One profile's answer; `source` says who states the fact that decided."""

    profile: str
    ok: bool
    reason: str
    source: str


def verdict(place: Place, releases: Sequence[Release] = ()) -> tuple[ProfileVerdict, ...]:
    """Judge every profile, the most recommended first; `releases` are those of the trainer that shall run."""
    return tuple(judge(profile, place, releases) for profile in profile_table.load())


def together(verdicts: Iterable[tuple[ProfileVerdict, ...]]) -> tuple[ProfileVerdict, ...]:
    """Return one verdict over several GPUs of a host: a profile works where it works on all of them."""
    return tuple(min(column, key=lambda one: one.ok) for column in zip(*verdicts, strict=True))


def recommended(verdicts: Iterable[ProfileVerdict]) -> str | None:
    """Return the first profile that works."""
    return next((one.profile for one in verdicts if one.ok), None)


def judge(profile: Profile, place: Place, releases: Sequence[Release] = ()) -> ProfileVerdict:
    """Judge one profile: mode, driver, architecture, trainer, in that order; the first that fails decides."""
    if profile.name == CPU:
        fast = place.mode == FAST_TEST
        reason = "fast-test mode runs without a GPU" if fast else "production needs a GPU; fast-test mode only"
        return ProfileVerdict(profile.name, fast, reason, profile.sources["driver"])
    if place.gpu is None:
        return ProfileVerdict(profile.name, False, "no NVIDIA GPU was seen", profile.sources["driver"])
    refused = _by_driver(profile, place.gpu, place.driver) or _by_architecture(profile, place.gpu)
    return refused or _by_trainer(profile, releases) or _works(profile, place.gpu, place.driver, releases)


def branch(driver: str) -> int:
    """Return a driver's branch, 550 for 550.54.15; raises UsageError where it is no version of a driver."""
    if not DRIVER.fullmatch(driver):
        raise UsageError(f"{driver!r} is no version of an NVIDIA driver", "nvidia-smi shows it, such as 550.54.15")
    return int(driver.split(".", maxsplit=1)[0])


def refusal(profile: str, seen: Sequence[tuple[str, str]], mode: str = "production") -> DgopsError | None:
    """Return why a profile cannot work on a host, None where it can or where nothing is known that forbids it.

    `seen` holds the name and driver of each of its GPUs, as its driver tells them. The hint names the profile that
    would work. A GPU that is not in the table is judged by its driver alone.
    """
    chosen = profile_table.get(profile)
    for name, driver in seen:
        place = _place(name, driver, mode)
        if place is None:
            continue
        known = place.gpu or profile == CPU
        found = judge(chosen, place) if known else _by_driver_alone(chosen, driver)
        if found and not found.ok:
            return DgopsError(
                f"profile {profile} cannot work on {name[:80]} with driver {driver}: {found.reason} ({found.source})",
                _instead(place),
            )
    return None


def _place(name: str, driver: str, mode: str) -> Place | None:
    if not DRIVER.fullmatch(driver):
        return None
    try:
        return Place(gpu_table.find(name), driver, mode)
    except UsageError:
        return Place(None, driver, mode)


def _instead(place: Place) -> str:
    """Return the hint that names what would work."""
    works = recommended(verdict(place)) if place.gpu else None
    if works:
        return f"set dgops_profile: {works} for this host; dgops env verdict tells about each"
    return "no profile works there with this driver; dgops env verdict says what each would need"


def _by_driver_alone(profile: Profile, driver: str) -> ProfileVerdict | None:
    if profile.name == CPU or branch(driver) >= profile.driver:
        return None
    reason = f"driver {branch(driver)} is older than {profile.driver}, which CUDA {profile.cuda} needs"
    return ProfileVerdict(profile.name, False, reason, profile.sources["driver"])


def _by_driver(profile: Profile, gpu: Gpu, driver: str) -> ProfileVerdict | None:
    if branch(driver) < gpu.driver:
        reason = f"driver {branch(driver)} does not know {gpu.name}: {gpu.architecture} needs {gpu.driver} or newer"
        return ProfileVerdict(profile.name, False, reason, gpu.driver_source)
    return _by_driver_alone(profile, driver)


def _by_architecture(profile: Profile, gpu: Gpu) -> ProfileVerdict | None:
    if profile.code_for(gpu.capability):
        return None
    held = f"{sm(min(profile.architectures))} to {sm(max(profile.architectures))}"
    reason = f"no code for {sm(gpu.capability)} ({gpu.name}) in its wheels, which hold {held}"
    return ProfileVerdict(profile.name, False, reason, profile.sources["architectures"])


def _by_trainer(profile: Profile, releases: Sequence[Release]) -> ProfileVerdict | None:
    torch = profile.packages["torch"]
    if not releases or any(one.takes(torch) for one in releases):
        return None
    asks = releases[0]
    reason = f"its torch is {torch}; {asks.trainer} {asks.release} asks for {asks.asks}"
    return ProfileVerdict(profile.name, False, reason, asks.source)


def _works(profile: Profile, gpu: Gpu, driver: str, releases: Sequence[Release]) -> ProfileVerdict:
    torch, code = profile.packages["torch"], profile.code_for(gpu.capability)
    assert code is not None
    fits = next((one for one in releases if one.takes(torch)), None)
    if fits:
        older = f"; {releases[0].release} asks for {releases[0].asks}" if fits != releases[0] else ""
        return ProfileVerdict(profile.name, True, f"torch {torch} suits {fits.words}{older}", fits.source)
    reason = f"torch {torch}, code for {sm(code)}, driver {branch(driver)} runs CUDA {profile.cuda}"
    if branch(driver) < profile.own_driver:
        reason += f" (kernels made at run time may need {profile.own_driver})"
    return ProfileVerdict(profile.name, True, reason, profile.sources["driver"])
