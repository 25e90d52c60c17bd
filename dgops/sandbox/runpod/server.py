"""The double's HTTP: keys, quotas, problem+json, and logs as server-sent events."""

from __future__ import annotations

import hmac
import json
import re
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from dgops.errors import DgopsError
from dgops.sandbox.runpod import routes
from dgops.sandbox.runpod.quota import Quota
from dgops.sandbox.runpod.refusal import RefusalError

if TYPE_CHECKING:
    import ipaddress
    import socket

    from dgops.sandbox.runpod.cloud import Cloud

_LARGEST = 1 << 20
# All that a pod's own key is good for: these, of that pod.
_OWN = re.compile(r"/v2/pods/([^/]+)/action")
_OWN_ACTIONS = ("start", "stop", "restart")
_STREAM_SECONDS, _LOOK_SECONDS = 60.0, 0.2


class Server(ThreadingHTTPServer):
    """One double on a port of this machine: of its loopback, or of a bridge, and then for one subnet only."""

    daemon_threads = True

    def __init__(
        self,
        cloud: Cloud,
        key: str,
        port: int = 0,
        address: str = "127.0.0.1",
        among: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None,
    ) -> None:
        super().__init__((address, port), _Handler)
        self.cloud, self.key, self.quota, self._among = cloud, key, Quota(), among

    def verify_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: Any) -> bool:
        """Take nobody else's connection: a bridge's address is reached from other networks as well."""
        import ipaddress

        return self._among is None or ipaddress.ip_address(client_address[0]) in self._among

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    # An idle connection must not hold its thread for ever.
    timeout = 120

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_DELETE = do_PATCH = do_PUT = do_GET  # noqa: N815

    def log_message(self, *_words: object) -> None:
        """Print nothing: nobody reads it."""

    def handle(self) -> None:
        """Answer for as long as the client stays; one that was killed is nobody's error."""
        with suppress(ConnectionError):
            super().handle()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Say as problem+json what cannot even be read as a request: a page of HTML would be no answer of RunPod's."""
        # What has no version yet would be answered without a status.
        self.request_version, self.close_connection = self.protocol_version, True
        refusal = RefusalError(int(code), message or explain or HTTPStatus(code).description)
        self._send(refusal.status, refusal.body(), {"Connection": "close"})

    def _answer(self) -> None:
        limits: dict[str, str] = {}
        try:
            body = self._body()
            self._require_key(body)
            limits = self._count()
            parts = urlsplit(self.path)
            path = unquote(parts.path)
            if path.startswith("/v2/pods/") and path.endswith("/logs"):
                self._stream(path.split("/")[3], parse_qs(parts.query), limits)
                return
            handler, ids = routes.find(self.command, path)
            status, value = handler(self.server.cloud, routes.Request(ids, parse_qs(parts.query), body))
            self._send(status, value, limits)
        except RefusalError as refusal:
            self._send(refusal.status, refusal.body(), {**limits, **_retry_after(refusal)})
        except DgopsError as error:
            self._send(500, RefusalError(500, error.message).body(), limits)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _body(self) -> Any:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _LARGEST:
            self.close_connection = True
            raise RefusalError(413, "the body is too large")
        raw = self.rfile.read(length)
        try:
            return json.loads(raw) if raw else None
        except ValueError:
            raise RefusalError(400, "the body is no JSON") from None

    def _require_key(self, body: Any) -> None:
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise RefusalError(401, "missing bearer token")
        if hmac.compare_digest(key.encode(), self.server.key.encode()):
            return
        pod = self.server.cloud.holder(key)
        if pod is None:
            raise RefusalError(401, "invalid bearer token")
        own = _OWN.fullmatch(urlsplit(self.path).path)
        action = body.get("action") if isinstance(body, dict) else None
        if self.command != "POST" or not own or own[1] != pod or action not in _OWN_ACTIONS:
            raise RefusalError(403, "this key may start, stop and restart its own pod only")

    def _count(self) -> dict[str, str]:
        if self.path.startswith("/control"):
            return {}
        faults = self.server.cloud.faults
        time.sleep(faults.delay)
        limits, wait = self.server.quota.take(faults.quota)
        if faults.take("throttled"):
            wait = 1
        if wait:
            raise _TooManyError(wait)
        if faults.take("errors"):
            raise RefusalError(503, "upstream is not available")
        return limits

    def _send(self, status: int, value: Any, headers: dict[str, str]) -> None:
        raw = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        if value is not None:
            self.send_header("Content-Type", "application/json" if status < 400 else "application/problem+json")
        if status != 204:
            self.send_header("Content-Length", str(len(raw)))
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(raw)

    def _stream(self, pod_id: str, query: dict[str, list[str]], limits: dict[str, str]) -> None:
        cloud = self.server.cloud
        cloud.pod(pod_id)
        self.close_connection = True
        self.send_response(200)
        for name, text in {**limits, "Content-Type": "text/event-stream", "Connection": "close"}.items():
            self.send_header(name, text)
        self.end_headers()
        seen = self.headers.get("Last-Event-ID", "")
        tail, first = int((query.get("tail") or ["1000"])[0]), True
        ends = time.monotonic() + _STREAM_SECONDS
        while time.monotonic() < ends and pod_id in cloud.pods:
            lines = [one for one in cloud.machines.log(pod_id) if one[0] > seen]
            for moment, line in lines[-tail:] if first else lines:
                data = json.dumps({"source": "container", "line": line, "ts": moment})
                self.wfile.write(f"id: {moment}\ndata: {data}\n\n".encode())
                seen = moment
            # A client that went away is noticed by what cannot be written to it.
            self.wfile.write(b": still here\n\n")
            first = False
            time.sleep(_LOOK_SECONDS)


class _TooManyError(RefusalError):
    def __init__(self, wait: int) -> None:
        super().__init__(429, "rate limit exceeded for the minute window")
        self.wait = wait


def _retry_after(refusal: RefusalError) -> dict[str, str]:
    return {"Retry-After": str(refusal.wait)} if isinstance(refusal, _TooManyError) else {}
