"""The double's HTTP: methods, quotas, faults and logs."""

import urllib.error
import urllib.request

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
