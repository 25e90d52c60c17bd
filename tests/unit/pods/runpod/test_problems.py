"""What each refusal means."""

import pytest

from dgops.errors import AccessError, CapacityError, ProviderError, UnreachableError
from dgops.pods.runpod.problems import error_of

FULL = "There are no longer any instances available with the requested specifications. Please refresh and try again."
ZERO = "There are not enough free GPUs on the host machine to start this pod."


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, {"detail": FULL}, CapacityError, "no longer any instances"),
        (400, {"detail": ZERO}, CapacityError, "not enough free GPUs"),
        (400, {"detail": "mounts: supply either"}, ProviderError, "supply either"),
        (401, {"detail": "missing bearer token"}, AccessError, "missing bearer token"),
        (402, None, ProviderError, "HTTP 402"),
        (403, {"title": "Forbidden"}, ProviderError, "Forbidden"),
        (404, {"message": "gone"}, ProviderError, "gone"),
        (409, {"error": "cannot"}, ProviderError, "cannot"),
        (422, {"detail": "Bad.", "errors": ["a: b", "c: d"]}, ProviderError, "Bad: a: b; c: d"),
        (429, {"detail": "slow"}, ProviderError, "slow"),
        (500, "oops", UnreachableError, "HTTP 500"),
    ],
)
def test_refusals(status, body, kind, words):
    error = error_of(status, body, "asking")
    assert type(error) is kind
    assert words in error.message
    assert error.hint
    assert getattr(error, "status", status) == status
