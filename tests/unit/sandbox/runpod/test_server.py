"""The double's HTTP: methods, quotas, faults and logs."""

import http.client
import json
import socket
import struct
import threading
import time
import urllib.error
import urllib.request
from dataclasses import replace

import pytest


def test_no_such_way(double):
    assert double.ask("GET", "/v2/nothing")[0] == 404
    status, answer, _ = double.ask("PUT", "/v2/pods", {})
    assert (status, answer["title"]) == (405, "Method Not Allowed")


def test_what_is_no_json(double):
    request = urllib.request.Request(f"{double.url}/v2/pods", b"{", {"Authorization": f"Bearer {double.server.key}"})
    with pytest.raises(urllib.error.HTTPError, match="400") as caught:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5)
    caught.value.close()


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ('{"left": "over"}GET /v2/pods HTTP/1.1', 400, "Bad request syntax"),
        ("nonsense", 400, "Bad request syntax"),
        ("GET /v2/pods HTTP/x", 400, "Bad request version"),
        ("BREW /v2/pods HTTP/1.1", 501, "Unsupported method ('BREW')"),
    ],
)
def test_what_is_no_request(double, line, status, words):
    with socket.create_connection(double.server.server_address, timeout=5) as link:
        link.sendall(f"{line}\r\n\r\n".encode())
        answer = http.client.HTTPResponse(link)
        answer.begin()
        assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json")
        assert words in json.loads(answer.read())["detail"]
        # What comes after it on this connection is nobody's to read.
        assert link.recv(1) == b""


def test_a_client_that_is_killed_is_no_error(double, capfd):
    threads = threading.active_count()
    with socket.create_connection(double.server.server_address, timeout=5) as link:
        # It goes with a reset.
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.sendall(b"GET /v2/pods HTTP/1.1\r\n")
    assert double.ask("GET", "/control")[0] == 200
    ends = time.monotonic() + 5
    while threading.active_count() > threads and time.monotonic() < ends:
        time.sleep(0.01)
    assert capfd.readouterr().err == ""


def test_a_quota(double):
    double.cloud.faults.set({"quota": 2})
    for left in (1, 0):
        status, _, headers = double.ask("GET", "/v2/pods")
        assert (status, headers["RateLimit"].split(";")[1]) == (200, f"r={left}")
    status, answer, headers = double.ask("GET", "/v2/pods")
    assert (status, answer["title"]) == (429, "Too Many Requests")
    assert 0 < int(headers["Retry-After"]) <= 60
    # The control is never refused.
    assert double.ask("GET", "/control")[0] == 200


def test_errors_on_demand(double):
    double.cloud.faults.set({"errors": 1, "throttled": 1})
    assert [double.ask("GET", "/v2/pods")[0] for _ in range(3)] == [429, 503, 200]


def test_a_log_goes_on_after_the_last_line(double):
    pod = double.rent()
    request = urllib.request.Request(
        f"{double.url}/v2/pods/{pod}/logs",
        headers={"Authorization": f"Bearer {double.server.key}", "Last-Event-ID": "2026-06-01T12:00:00Z"},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.readline() == b"id: 2026-06-01T12:00:01Z\n"
        assert b'"line": "started"' in answer.readline()
    assert double.ask("GET", "/v2/pods/nothere/logs")[0] == 404


def test_a_pod_s_own_key_acts_on_that_pod_only(double):
    pod, other = double.rent(), double.rent(name="other")
    key = double.cloud.pods[pod].key
    refused = [
        ("GET", "/v2/pods", None),
        ("GET", f"/v2/pods/{pod}", None),
        ("GET", "/control", None),
        ("POST", "/control/balance", {"balance": 0}),
        ("DELETE", f"/v2/pods/{pod}", None),
        ("POST", f"/v2/pods/{pod}/action", {"action": "terminate"}),
        ("POST", f"/v2/pods/{pod}/action", None),
        ("POST", f"/v2/pods/{other}/action", {"action": "stop"}),
    ]
    for method, path, body in refused:
        assert double.ask(method, path, body, key=key)[0] == 403, (method, path, body)
    assert double.ask("POST", f"/v2/pods/{pod}/action", {"action": "stop"}, key=key)[1]["status"] == "EXITED"
    assert double.cloud.pods[other].status == "RUNNING"
    # Nobody is told it, and no pod without one is anybody's.
    assert key not in str(double.ask("GET", f"/v2/pods/{other}")[1])
    double.cloud.pods[other] = replace(double.cloud.pods[other], key="")
    assert double.ask("GET", "/v2/pods", key="")[0] == 401
