"""The pod of an `up`: found, started or rented, and where it was taken away another one on the same volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgops.errors import DgopsError, ProviderError, UnreachableError, UsageError
from dgops.hosts import inventory
from dgops.pods import access, budget, inventory_age, limits, names, ready, rent
from dgops.pods import inventory as listing
from dgops.pods.access import Door
from dgops.pods.account import intents_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dgops.hosts.host import Host
    from dgops.pods.models import Pod
    from dgops.pods.provider import Provider
    from dgops.pods.wishes import OwnKey, Wish
    from dgops.settings import Settings

DOWN = ("EXITED", "ERROR")


@dataclass(frozen=True)
class Renter:
    """Gets a pod of one name ready, as often as it takes."""

    settings: Settings
    provider: Provider
    wish: Wish
    key: OwnKey
    seconds: float
    say: Callable[[str], None]

    def get(self) -> tuple[Pod, str]:
        """Return the pod once our key opens it, and how it came about: rented, started or found."""
        pod = self.there()
        if pod is None:
            return self._rent(), "rented"
        other = self.wish.otherwise(pod)
        if other:
            self.say(f"{self.wish.name}  {other}")
        if pod.status in DOWN:
            return self._started(pod)
        return self._ready(pod.id), "found"

    def there(self) -> Pod | None:
        """Return the pod of that name as it stands now."""
        wanted = names.remote(self.wish.name)
        return next((one for one in self.provider.pods() if one.name == wanted), None)

    def fate(self, pod: Pod) -> str:
        """Return what became of a pod that does not answer, empty where it runs on as it did."""
        now = self.there()
        if now is None or now.id != pod.id:
            return f"pod {pod.id} is no longer rented"
        if now.status != pod.status:
            return f"pod {pod.id} is {now.status}"
        return f"pod {pod.id} was started anew" if now.started != pod.started else ""

    def host(self, pod: Pod) -> Host:
        """Return a pod as the inventory lists it."""
        inventory_age.expire(self.settings)
        known = inventory.load(self.settings).hosts.values()
        host = next((one for one in known if one.variables.get("runpod_id") == pod.id), None)
        if host is None:
            raise DgopsError(f"{self.wish.name}: the inventory does not list pod {pod.id}", "dgops hosts list")
        if host.name != self.wish.name:
            raise UsageError(
                f"{self.wish.name} is a host of yours already, so the pod is listed as {host.name}",
                "choose another name",
            )
        if host.away:
            raise UnreachableError(f"{host.name}: {host.away}", f"dgops pod show {host.name}")
        return host

    def _rent(self) -> Pod:
        if not self.wish.gpus or not self.wish.environment:
            raise UsageError(
                f"there is no pod {self.wish.name}, and nobody says what to rent",
                "--gpu 'RTX 4090,L40S' --env cu121, unless the recipe says its environment",
            )
        if self.wish.needs.files and not self.wish.volume:
            raise UsageError(
                f"a new pod has none of these, and the recipe names no source: {', '.join(self.wish.needs.files)}",
                "source: hf:OWNER/NAME/FILE in the recipe, or --volume with a network volume that holds them",
            )
        budget.require(self.provider, self.settings)
        done = rent.rent(
            self.provider, intents_of(self.settings), self.wish, self.key, self.seconds, self.say, self._door()
        )
        for reason in done.passed:
            self.say(f"{self.wish.name}  passed over: {reason}")
        return done.pod

    def _started(self, pod: Pod) -> tuple[Pod, str]:
        """Start a pod again; where its machine has no GPU left, rent another one on its network volume."""
        budget.require(self.provider, self.settings)
        limits.require_left(self.provider, pod)
        try:
            self.provider.start(pod.id)
            intents_of(self.settings).running(self.wish.name, pod.id)
            again = self._ready(pod.id)
            if again.gpu_count:
                return again, "started"
            why = "it started without a GPU: others took it"
        except UnreachableError as error:
            # Nobody knows whether RunPod or the pod is at fault: look once more before something is given up.
            if self.there() is None:
                raise
            why = error.message
        except ProviderError as error:
            why = error.message
        if pod.root and not pod.volume_id:
            raise DgopsError(
                f"pod {pod.id} does not start: {why}; its volume is tied to its machine",
                f"try again later, or give up what is on it: dgops pod terminate {self.wish.name}",
            )
        self.say(f"{self.wish.name}  pod {pod.id} is given up: {why}")
        self.provider.terminate(pod.id)
        access.forget(pod.id, self.settings)
        intents_of(self.settings).drop(self.wish.name)
        return self._rent(), "rented"

    def _ready(self, pod_id: str) -> Pod:
        return ready.wait(self.provider, pod_id, self.seconds, self.say, self._door().enter)

    def _door(self) -> Door:
        return Door(self.provider, self.settings, self.key.identity, self.say)


def require_inventory(settings: Settings) -> None:
    """Raise UsageError where no inventory in use would list a rented pod."""
    if not listing.in_use(settings):
        raise UsageError(
            "no inventory in use lists rented pods",
            'inventory = ["inventories/local", "inventories/runpod"] in dgops.toml, or leave it out; '
            "inventories/runpod/hosts.py is dgops' own",
        )
