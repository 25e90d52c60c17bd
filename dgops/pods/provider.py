"""What a provider of pods can do: the whole of what dgops asks of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from dgops.pods.models import Balance, Bill, GpuType, Pod, PodRequest, SpotPrice, Volume


class Provider(Protocol):
    """Rents pods. Every call has a deadline.

    Each raises ProviderError where it is refused (CapacityError: try another candidate), AccessError where the key
    is not good, UnreachableError where nobody answered: a create may then have been done all the same.
    """

    def gpus(self) -> Sequence[GpuType]:
        """Return what is for rent, with prices and stock."""

    def spot_prices(self) -> Mapping[str, SpotPrice]:
        """Return the least bid for each GPU, by its id."""

    def balance(self) -> Balance:
        """Return what is left on the account."""

    def bills(self, since: datetime | None = None) -> Sequence[Bill]:
        """Return what each pod has cost, since then or in all, those that are gone included."""

    def volumes(self) -> Sequence[Volume]:
        """Return the network volumes."""

    def pods(self) -> Sequence[Pod]:
        """Return every pod that is not terminated."""

    def pod(self, pod_id: str) -> Pod:
        """Return one pod."""

    def create(self, request: PodRequest) -> Pod:
        """Rent a pod; it is not ready yet."""

    def start(self, pod_id: str) -> Pod:
        """Start a stopped pod: the disk is new, the volume as it was."""

    def restart(self, pod_id: str) -> Pod:
        """Restart a running pod in place: the disk is new, the GPU stays."""

    def stop(self, pod_id: str) -> Pod:
        """Stop a pod: the container disk is wiped, a volume kept."""

    def terminate(self, pod_id: str) -> None:
        """End a pod; one that is gone already is fine."""

    def log(self, pod_id: str, seconds: float, quiet: float = 0.0) -> Iterator[str]:
        """Yield the lines of a pod's log, and those that come within so many seconds, or until it is quiet so long."""
