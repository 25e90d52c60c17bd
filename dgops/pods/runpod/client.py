"""RunPod as a provider of pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dgops.errors import ProviderError
from dgops.pods.runpod import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dgops.pods.models import GpuType, Pod, PodRequest, Volume
    from dgops.pods.runpod.session import Session


class RunPod:
    """The account behind one key; see Provider for what each call does."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def gpus(self) -> Sequence[GpuType]:
        """Return what is for rent, with prices and stock."""
        # Stock without a product is a 400.
        query = {"include": "AVAILABILITY", "product": "POD"}
        found = self._session.call("GET", "/v2/catalog/gpus", "listing GPUs", query=query)
        return parse.listed(found, "gpus", parse.gpu)

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

    def log(self, pod_id: str, seconds: float) -> Iterator[str]:
        """Yield the lines of a pod's container log, and those that come within so many seconds."""
        query = {"source": "container", "tail": "1000"}
        for event in self._session.events(f"{_path(pod_id)}/logs", f"log of pod {pod_id}", seconds, query):
            yield str(event.get("line", ""))

    def _act(self, pod_id: str, action: str) -> Pod:
        path, what = f"{_path(pod_id)}/action", f"{action} of pod {pod_id}"
        return self._pod(self._session.call("POST", path, what, {"action": action}))

    def _pod(self, answer: Any) -> Pod:
        found: Pod = parse.single(answer, "pod", parse.pod)
        return found


def _path(pod_id: str) -> str:
    return f"/v2/pods/{quote(pod_id, safe='')}"
