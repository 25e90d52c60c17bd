"""Stopping the pod that this runs on, by its own key; nothing else is ever asked for."""

from __future__ import annotations

import ipaddress
import json
import urllib.error
import urllib.request
from typing import Any, Mapping, Optional
from urllib.parse import urlsplit

from dgops.agent import scan, spend

KEY, POD = "RUNPOD_API_KEY", "RUNPOD_POD_ID"
DEFAULT_URL = "https://api.runpod.io"
SECONDS = 20.0
BODY = b'{"action": "stop"}'


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The key goes to one address and to no other that this one names."""

    def redirect_request(self, *_request: Any) -> None:
        return None


def hindrance(environment: Mapping[str, str]) -> Optional[str]:
    """Return why a pod with this environment could not stop itself, None where it can."""
    key, pod = environment.get(KEY, ""), environment.get(POD, "")
    # What a header cannot hold would be quoted in the error, and the key is nobody's to read.
    if not (key and key.isascii() and key.isprintable() and " " not in key):
        return "its first process has no {} that could stop it".format(KEY)
    if not scan.POD.fullmatch(pod):
        return "its first process has no {}".format(POD)
    if not _is_safe(_url(environment)):
        return "{} is no https:// address".format(spend.API_URL)
    return None


def stop(environment: Mapping[str, str]) -> Optional[str]:
    """Ask for the stop of this pod; returns what went wrong, None where it was taken."""
    fault = hindrance(environment)
    if fault:
        return fault
    request = urllib.request.Request(
        "{}/v2/pods/{}/action".format(_url(environment), environment[POD]),
        BODY,
        # Some doors are shut to what calls itself Python.
        {
            "Authorization": "Bearer " + environment[KEY],
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "dgops",
        },
        method="POST",
    )
    # A proxy of the host's would not find what is on a private address.
    proxies = urllib.request.ProxyHandler(None if request.type == "https" else {})
    try:
        with urllib.request.build_opener(proxies, _NoRedirect).open(request, timeout=SECONDS) as answer:
            answer.read(1 << 16)
    except urllib.error.HTTPError as error:
        with error:
            return "HTTP {}: {}".format(error.code, _detail(error))
    except (OSError, ValueError) as error:
        return "no answer: {}".format(getattr(error, "reason", None) or error)[:300]
    return None


def _url(environment: Mapping[str, str]) -> str:
    return (environment.get(spend.API_URL) or DEFAULT_URL).rstrip("/")


def _is_safe(url: str) -> bool:
    """Tell whether a key may go there: encrypted, or no further than this machine and its own network."""
    try:
        parts = urlsplit(url)
        if parts.scheme == "https":
            return bool(parts.hostname)
        return parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_private
    except ValueError:
        return False


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        found = json.loads(error.read(1 << 16))
        return str(found.get("detail") or found.get("title"))[:200] if isinstance(found, dict) else "no reason"
    except (OSError, ValueError):
        return str(error.reason)[:200]
