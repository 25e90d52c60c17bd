"""RunPod as a provider of pods."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dgops.errors import ProviderError
from dgops.pods.runpod import events, parse
from dgops.pods.runpod.graphql import GraphQL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dgops.pods.models import Balance, Bill, GpuType, Pod, PodRequest, SpotPrice, Volume
    from dgops.pods.runpod.session import Session


class RunPod:
    """The account behind one key; see Provider for what each call does."""

    def __init__(self, session: Session, graphql: GraphQL | None = None) -> None:
        self._session, self._graphql = session, graphql or GraphQL(session, "/graphql")

    def gpus(self) -> Sequence[GpuType]:
        """Return what is for rent, with prices and stock."""
        # Stock without a product is a 400.
        query = {"include": "AVAILABILITY", "product": "POD"}
        found = self._session.call("GET", "/v2/catalog/gpus", "listing GPUs", query=query)
        return parse.listed(found, "gpus", parse.gpu)

    def spot_prices(self) -> Mapping[str, SpotPrice]:
        """Return the least bid for each GPU, by its id."""
        return self._graphql.spot_prices()

    def balance(self) -> Balance:
        """Return what is left on the account."""
        return self._graphql.balance()

    def bills(self, since: datetime | None = None) -> Sequence[Bill]:
        """Return what each pod has cost."""
        query = {"startTime": f"{since.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"} if since else {}
        found = self._session.call("GET", "/v2/billing/pods", "asking for the bill", query=query)
        return parse.bills(parse.listed(found, "records", parse.bill))

    def volumes(self) -> Sequence[Volume]:
        """Return the network volumes."""
        found = self._session.call("GET", "/v2/network-volumes", "listing volumes")
        return parse.listed(found, "networkVolumes", parse.volume)

    def pods(self) -> Sequence[Pod]:
        """Return every pod that is not terminated."""
        found = self._session.call("GET", "/v2/pods", "listing pods")
        return [one for one in parse.listed(found, "pods", parse.pod) if one.status != "TERMINATED"]

    def pod(self, pod_id: str) -> Pod:
        """Return one pod."""
        return self._pod(self._session.call("GET", _path(pod_id), f"looking at pod {pod_id}"))

    def create(self, request: PodRequest) -> Pod:
        """Rent a pod; it is not ready yet."""
        if request.bid:
            # REST rents nothing at a bid; what was rented it shows like any other.
            return self.pod(self._graphql.rent(request))
        what = f"creating {request.name} on {request.gpu}"
        return self._pod(self._session.call("POST", "/v2/pods", what, parse.creation(request)))

    def start(self, pod_id: str) -> Pod:
        """Start a stopped pod."""
        return self._act(pod_id, "start")

    def restart(self, pod_id: str) -> Pod:
        """Restart a running pod in place."""
        return self._act(pod_id, "restart")

    def stop(self, pod_id: str) -> Pod:
        """Stop a pod."""
        return self._act(pod_id, "stop")

    def terminate(self, pod_id: str) -> None:
        """End a pod; one that is gone already is fine."""
        try:
            self._session.call("DELETE", _path(pod_id), f"terminating pod {pod_id}")
        except ProviderError as error:
            if error.status != 404:
                raise

    def log(self, pod_id: str, seconds: float, quiet: float = 0.0) -> Iterator[str]:
        """Yield the lines of a pod's container log, and those that come within so many seconds."""
        query = {"source": "container", "tail": "1000"}
        what = f"log of pod {pod_id}"
        for event in events.follow(
            self._session.client, f"{_path(pod_id)}/logs", what, query, seconds, quiet or seconds
        ):
            yield str(event.get("line", ""))

    def _act(self, pod_id: str, action: str) -> Pod:
        path, what = f"{_path(pod_id)}/action", f"{action} of pod {pod_id}"
        return self._pod(self._session.call("POST", path, what, {"action": action}))

    def _pod(self, answer: Any) -> Pod:
        found: Pod = parse.single(answer, "pod", parse.pod)
        return found


def _path(pod_id: str) -> str:
    return f"/v2/pods/{quote(pod_id, safe='')}"
