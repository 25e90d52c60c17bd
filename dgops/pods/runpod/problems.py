"""What RunPod's refusals mean: its own words, and our hint."""

from __future__ import annotations

from typing import Any

from dgops.errors import AccessError, CapacityError, DgopsError, ProviderError, UnreachableError

# Capacity has no code of its own: only these words tell it from a broken rule.
NO_CAPACITY = ("no longer any instances", "not enough free gpus", "no instances available")
_HINTS = {
    400: "look at what was asked for: RunPod takes the form, but not the combination",
    402: "add credit at RunPod; no other candidate would succeed either",
    403: "the key may not do this: give it the permission, or take another GPU",
    404: "dgops pod list",
    409: "dgops pod show NAME says what its status allows",
    422: "RunPod's API has changed, or this is a bug: the named field is wrong",
    429: "wait a minute and try again",
}


def error_of(status: int, body: Any, what: str) -> DgopsError:
    """Return the error for an answer that is no success; `what` says what was being done."""
    detail = _detail(body) or f"HTTP {status}"
    message = f"{what}: {detail}"
    if status == 401:
        return AccessError(f"RunPod does not know this key: {detail}", "dgops secrets set RUNPOD_API_KEY")
    if status >= 500:
        return UnreachableError(f"{message} (HTTP {status})", "RunPod is not well; try again in a minute")
    if status == 400 and any(words in detail.lower() for words in NO_CAPACITY):
        return CapacityError(message, "dgops pod offers shows what there is", status)
    return ProviderError(message, _HINTS.get(status, ""), status)


def _detail(body: Any) -> str:
    """Return the words of problem+json, and those of the older forms that are still seen."""
    if not isinstance(body, dict):
        return ""
    words = str(body.get("detail") or body.get("message") or body.get("error") or body.get("title") or "")
    named = body.get("errors")
    if isinstance(named, list) and named:
        words = f"{words.rstrip('.')}: {'; '.join(str(one) for one in named[:8])}"
    return words[:2000]
