"""What a create asks for: one request for each candidate, refused here where its profile cannot work on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from dgops.errors import UsageError
from dgops.pods import names, offers
from dgops.pods.limits import Asked
from dgops.pods.models import PROFILE, PodRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dgops.environments.trainers import Release
    from dgops.pods.models import GpuType, Pod, SpotPrice, Volume

# profile → image, and the CUDA version that the machine's driver must know. dgops brings its own venvs: the image is
# the ground that they stand on.
IMAGES = {
    "cu121": ("runpod/pytorch:2.2.0-py3.10-cuda12.1.1-devel-ubuntu22.04", "12.1"),
    "cu124": ("runpod/pytorch:2.4.0-py3.11-cuda12.4.1-devel-ubuntu22.04", "12.4"),
    "cu126": ("runpod/pytorch:2.4.0-py3.11-cuda12.4.1-devel-ubuntu22.04", "12.6"),
    "cu128": ("runpod/pytorch:2.8.0-py3.11-cuda12.8.1-cudnn-devel-ubuntu22.04", "12.8"),
}
UNKNOWN = "in no table of ours (profiles/tables/gpus.yml), so nobody says what runs on it"
KEYS = ("id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub")


@dataclass(frozen=True)
class Needs:
    """What a recipe asks of a pod: a profile where nobody names another, releases of its trainer, GPU memory in GiB.

    `files` are those of the base model that are fetched from nowhere.
    """

    profile: str = ""
    releases: tuple[Release, ...] = ()
    vram_gib: float = 0.0
    vram_source: str = ""
    files: tuple[str, ...] = ()

    def fault(self, gpu: GpuType) -> str:
        """Return why a GPU is too small, empty where it is not."""
        if gpu.memory_gb >= self.vram_gib:
            return ""
        return f"it has {gpu.memory_gb} GB, and {self.vram_gib:g} GiB are needed at least ({self.vram_source})"


@dataclass(frozen=True)
class Wish:
    """What a person asks for; `volume` is the name or id of a network volume, `volume_gb` a disk of the pod's own."""

    name: str
    gpus: tuple[str, ...]
    profile: str
    image: str = ""
    volume: str = ""
    volume_gb: int = 0
    disk_gb: int = 50
    gpu_count: int = 1
    cloud: str = "secure"
    spot: bool = False
    limits: Asked = field(default_factory=Asked)
    needs: Needs = field(default_factory=Needs)

    @property
    def environment(self) -> str:
        """The profile: what a person said, else the recipe."""
        return self.profile or self.needs.profile

    def otherwise(self, pod: Pod) -> str:
        """Return what a pod that is there was rented for instead, empty where nobody says or it is the same."""
        if not pod.profile or self.environment in ("", pod.profile):
            return ""
        return f"was rented for {pod.profile}, and stays so: {self.environment} needs another pod"


def requests(
    wish: Wish,
    gpus: Sequence[GpuType],
    volumes: Sequence[Volume],
    public_key: str,
    spot_prices: Mapping[str, SpotPrice] = MappingProxyType({}),
) -> list[PodRequest]:
    """Return the candidates in order; raises UsageError where none could run the profile."""
    if wish.volume and wish.cloud != "secure":
        raise UsageError("network volumes are in the secure cloud only", "leave out --volume or --cloud community")
    profile = wish.environment
    image, min_cuda = IMAGES.get(profile, ("", ""))
    image = wish.image or image
    if not image:
        raise UsageError(f"no image is known for profile {profile}", f"--image, or one of {', '.join(IMAGES)}")
    volume = _volume(wish.volume, volumes) if wish.volume else None
    fitting, refused = [], []
    for gpu in offers.choose(gpus, wish.gpus):
        verdicts = offers.verdicts_of(gpu, profile, wish.needs.releases)
        faults = [one.reason for one in verdicts if not one.ok] if verdicts else [UNKNOWN]
        faults += filter(None, [wish.needs.fault(gpu)])
        bid = spot_prices[gpu.id].within(wish.cloud) if gpu.id in spot_prices else 0.0
        if wish.spot and not bid:
            faults.append(f"it is not for rent at a bid in the {wish.cloud} cloud")
        refused += [f"{gpu.name}: {fault}" for fault in faults]
        if not faults:
            fitting.append((gpu, bid if wish.spot else 0.0))
    if not fitting:
        raise UsageError(
            f"none of these will do for {profile}: {'; '.join(refused)}",
            "dgops pod offers says which profiles fit, and where",
        )
    return [
        PodRequest(
            name=names.remote(wish.name),
            image=image,
            gpu=gpu.id,
            gpu_count=wish.gpu_count,
            disk_gb=wish.disk_gb,
            # start.sh reads no other name, and starts no sshd without it.
            # dgops reads the other one back: what a pod was rented for is what a deploy makes of it.
            env={
                "PUBLIC_KEY": public_key,
                PROFILE: profile,
                **wish.limits.environment((bid or _price(gpu, wish.cloud)) * wish.gpu_count),
            },
            data_centers=(volume.data_center,) if volume else (),
            volume_id=volume.id if volume else "",
            volume_gb=wish.volume_gb,
            min_cuda=min_cuda,
            cloud=wish.cloud,
            bid=bid,
        )
        for gpu, bid in fitting
    ]


def _price(gpu: GpuType, cloud: str) -> float:
    return gpu.community if cloud == "community" else gpu.secure


@dataclass(frozen=True)
class OwnKey:
    """The key that shall open a pod: its public half, and the file of the other (the public one where an agent
    holds that)."""

    public: str
    identity: str


def own_key(path: Path | None, identity: str = "") -> OwnKey:
    """Return the key whose public half is in the file, else of the identity that a pod is there for, else of ~/.ssh."""
    folder = Path("~/.ssh").expanduser()
    known = [Path(identity if identity.endswith(".pub") else f"{identity}.pub")] if identity else []
    candidates = [path.absolute()] if path else [*known, *(folder / name for name in KEYS)]
    for candidate in candidates:
        if candidate.is_file():
            text = candidate.read_text().strip()
            if not text.startswith(("ssh-", "ecdsa-", "sk-")):
                raise UsageError(f"{candidate} is no public key", "name the file that ends in .pub")
            private = candidate.with_suffix("")
            return OwnKey(text, str(private if private.is_file() else candidate))
    raise UsageError("there is no public key to open the pod with", "ssh-keygen -t ed25519, or --key FILE.pub")


def _volume(name: str, volumes: Sequence[Volume]) -> Volume:
    found = [one for one in volumes if name in (one.id, one.name)]
    if len(found) != 1:
        there = ", ".join(one.name for one in volumes) or "none"
        words = "no volume is" if not found else f"{len(found)} volumes are"
        raise UsageError(f"{words} called {name} (there: {there})", "dgops pod volumes")
    return found[0]
