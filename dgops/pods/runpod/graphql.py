"""What RunPod's REST v2 lacks, asked of its GraphQL: pods at a bid, their prices, and the balance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dgops.errors import UnreachableError
from dgops.pods.models import Balance, SpotPrice
from dgops.pods.runpod.problems import error_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dgops.pods.models import PodRequest
    from dgops.pods.runpod.session import Session

RENT = """\
mutation RentSpot($input: PodRentInterruptableInput!) {
  podRentInterruptable(input: $input) { id }
}"""
PRICES = """\
query SpotPrices($gpuCount: Int!) {
  gpuTypes {
    id
    secure: lowestPrice(input: {gpuCount: $gpuCount, secureCloud: true}) { minimumBidPrice }
    community: lowestPrice(input: {gpuCount: $gpuCount, secureCloud: false}) { minimumBidPrice }
  }
}"""
MYSELF = "query Balance { myself { clientBalance currentSpendPerHr } }"
# GraphQL takes a list of versions where REST takes the least one.
CUDA = ("11.8", *(f"12.{minor}" for minor in range(10)), "13.0")


class GraphQL:
    """The same account behind its other address."""

    def __init__(self, session: Session, url: str) -> None:
        self._session, self._url = session, url

    def rent(self, request: PodRequest) -> str:
        """Rent a pod at its bid, to be taken back whenever somebody bids more; returns its id."""
        what = f"creating {request.name} on {request.gpu} at {request.bid:g} $ an hour"
        found = self._ask(RENT, {"input": rental(request)}, what, "podRentInterruptable")
        try:
            return str(found["id"])
        except (KeyError, TypeError):
            raise _strange(what) from None

    def spot_prices(self) -> dict[str, SpotPrice]:
        """Return the least bid for each GPU that is taken now."""
        what = "listing spot prices"
        found = self._ask(PRICES, {"gpuCount": 1}, what, "gpuTypes", repeat=True)
        try:
            return {str(one["id"]): SpotPrice(_least(one["secure"]), _least(one["community"])) for one in found}
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _strange(what) from None

    def balance(self) -> Balance:
        """Return what is left on the account, and what goes away from it."""
        what = "asking for the balance"
        found = self._ask(MYSELF, {}, what, "myself", repeat=True)
        try:
            return Balance(float(found["clientBalance"]), float(found["currentSpendPerHr"]))
        except (KeyError, TypeError, ValueError):
            raise _strange(what) from None

    def _ask(self, document: str, variables: Mapping[str, Any], what: str, field: str, *, repeat: bool = False) -> Any:
        """Return one field of the answer; a refusal comes with HTTP 200 and a list of errors."""
        answer = self._session.call(
            "POST", self._url, what, {"query": document, "variables": dict(variables)}, repeat=repeat
        )
        errors = answer.get("errors") if isinstance(answer, dict) else None
        if errors:
            words = "; ".join(str(one.get("message", one)) if isinstance(one, dict) else str(one) for one in errors)
            raise error_of(_status(words), {"detail": words}, what)
        try:
            found = answer["data"][field]
        except (KeyError, TypeError):
            raise _strange(what) from None
        if found is None:
            # A rental that cannot be done is null in older answers, without a word.
            raise error_of(400, {"detail": "no longer any instances: the answer is empty"}, what)
        return found


def rental(request: PodRequest) -> dict[str, Any]:
    """Return the input that asks for a pod at a bid; never an empty `dockerArgs`, which keeps sshd from starting."""
    wanted: dict[str, Any] = {
        "name": request.name,
        "imageName": request.image,
        "gpuTypeId": request.gpu,
        "gpuCount": request.gpu_count,
        "bidPerGpu": request.bid,
        "cloudType": request.cloud.upper(),
        "containerDiskInGb": request.disk_gb,
        "ports": ",".join(request.ports),
        "env": [{"key": key, "value": value} for key, value in request.env.items()],
        "volumeInGb": request.volume_gb,
        "volumeMountPath": request.root,
    }
    if request.min_cuda:
        wanted["allowedCudaVersions"] = [one for one in CUDA if _parts(one) >= _parts(request.min_cuda)]
    if request.volume_id:
        wanted["networkVolumeId"] = request.volume_id
    if request.data_centers:
        wanted["dataCenterId"] = request.data_centers[0].upper()
    return wanted


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _least(price: Any) -> float:
    return float((price or {}).get("minimumBidPrice") or 0)


def _status(words: str) -> int:
    """Return the status that REST would give: GraphQL's own is 200 for all of them."""
    low = words.lower()
    if "unauthorized" in low or "not authenticated" in low:
        return 401
    if "something went wrong" in low or "internal server error" in low:
        return 500
    return 402 if "balance" in low or "insufficient funds" in low else 400


def _strange(what: str) -> UnreachableError:
    return UnreachableError(f"{what}: RunPod's answer is not what it should be", "dgops settings: runpod_graphql_url")
