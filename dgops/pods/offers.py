"""What is for rent where, at which price, and which profiles of torch would run on it."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from dgops.environments import gpus as gpu_table
from dgops.environments import profiles as profile_table
from dgops.environments.tables import not_known
from dgops.environments.verdict import CPU, Place, ProfileVerdict, judge
from dgops.errors import UsageError
from dgops.pods.models import STOCK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dgops.environments.trainers import Release
    from dgops.pods.models import GpuType, SpotPrice

# A provider does not say which driver a machine has: it is asked for a CUDA version instead, and brings its driver.
NEW_DRIVER = "999"


@dataclass(frozen=True)
class Offer:
    """One GPU in one data centre; `verdicts` are empty where the GPU is in no table of ours.

    `spot` is the least bid that is taken, 0 where it is not for rent that way or nobody said.
    """

    gpu: GpuType
    data_center: str
    stock: str
    price: float
    verdicts: tuple[ProfileVerdict, ...]
    spot: float = 0.0

    @property
    def fits(self) -> tuple[str, ...]:
        """The profiles that would run there."""
        return tuple(one.profile for one in self.verdicts if one.ok)


def offers(
    gpus: Iterable[GpuType],
    profile: str = "",
    max_price: float = 0.0,
    cloud: str = "secure",
    spot_prices: Mapping[str, SpotPrice] = MappingProxyType({}),
) -> list[Offer]:
    """Return every offer of these GPUs, cheapest first and then the best stocked.

    With a profile only that one is judged; an offer whose price nobody knows, or that is too dear, is left out.
    """
    found = []
    for gpu in gpus:
        price = gpu.community if cloud == "community" else gpu.secure
        if not price or (max_price and price > max_price):
            continue
        verdicts = verdicts_of(gpu, profile)
        spot = spot_prices[gpu.id].within(cloud) if gpu.id in spot_prices else 0.0
        found += [Offer(gpu, place, stock, price, verdicts, spot) for place, stock in gpu.stock.items()]
    return sorted(found, key=lambda one: (one.price, one.gpu.name, -STOCK.index(one.stock), one.data_center))


def verdicts_of(gpu: GpuType, profile: str = "", releases: Sequence[Release] = ()) -> tuple[ProfileVerdict, ...]:
    """Return the verdict of each profile, or of one; none where we do not know the GPU.

    `releases` are those of the trainer that shall run.
    """
    chosen = [profile_table.get(profile)] if profile else [one for one in profile_table.load() if one.name != CPU]
    try:
        known = gpu_table.find(gpu.id)
    except UsageError:
        return ()
    return tuple(judge(one, Place(known, NEW_DRIVER), releases) for one in chosen)


def choose(gpus: Sequence[GpuType], wanted: Iterable[str]) -> list[GpuType]:
    """Return the GPUs that a person names, in that order; raises UsageError with near names."""
    by_name = {name.lower(): gpu for gpu in gpus for name in (gpu.name, gpu.id)}
    found = []
    for name in wanted:
        if name.lower() not in by_name:
            raise not_known("GPU", name, [gpu.name for gpu in gpus])
        found.append(by_name[name.lower()])
    return found
