"""The one thing that a pod asks of its provider, against the double: stop, of itself, and nothing else."""

import http.server
import threading

import pytest

from dgops.agent import spend_stop


@pytest.fixture
def own(double):
    """Return a pod's environment as its first process has it."""
    pod = double.rent()
    return {"RUNPOD_POD_ID": pod, "RUNPOD_API_KEY": double.cloud.pods[pod].key, "DGOPS_API_URL": double.url}


def test_it_stops_itself(double, own):
    assert spend_stop.stop(own) is None
    assert double.cloud.pods[own["RUNPOD_POD_ID"]].status == "EXITED"
    assert double.cloud.ledger()["billing"] == []
    # Again: it is under way, and nothing is made of it.
    assert spend_stop.stop(own) == "HTTP 409: cannot stop a pod that is EXITED"


def test_refusals_are_told_without_the_key(double, own):
    other = double.rent(name="other")
    assert "HTTP 403: this key may start" in spend_stop.stop({**own, "RUNPOD_POD_ID": other})
    assert spend_stop.stop({**own, "RUNPOD_API_KEY": "another"}) == "HTTP 401: invalid bearer token"
    double.cloud.faults.set({"errors": 1})
    assert "HTTP 503" in spend_stop.stop(own)
    assert double.cloud.pods[other].status == "RUNNING"


def test_nobody_answers(own):
    assert spend_stop.stop({**own, "DGOPS_API_URL": "http://127.0.0.1:9"}).startswith("no answer: ")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"RUNPOD_API_KEY": ""}, "no RUNPOD_API_KEY"),
        ({"RUNPOD_API_KEY": "a\r\nX-Evil: 1"}, "no RUNPOD_API_KEY"),
        ({"RUNPOD_API_KEY": "schlüssel"}, "no RUNPOD_API_KEY"),
        ({"RUNPOD_POD_ID": ""}, "no RUNPOD_POD_ID"),
        ({"RUNPOD_POD_ID": "../../x"}, "no RUNPOD_POD_ID"),
        ({"DGOPS_API_URL": "http://api.runpod.io"}, "no https"),
        ({"DGOPS_API_URL": "http://8.8.8.8"}, "no https"),
        ({"DGOPS_API_URL": "ftp://10.0.0.1"}, "no https"),
        ({"DGOPS_API_URL": "http://[10"}, "no https"),
    ],
)
def test_what_cannot_be_asked(own, changes, words):
    environment = {**own, **changes}
    assert words in spend_stop.hindrance(environment)
    assert spend_stop.stop(environment) == spend_stop.hindrance(environment)


def test_what_can_be_asked(own):
    assert spend_stop.hindrance({**own, "DGOPS_API_URL": ""}) is None
    assert spend_stop.hindrance({**own, "DGOPS_API_URL": "https://api.runpod.io"}) is None


def test_the_key_follows_no_redirect(own):
    asked = []

    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_address[1]}/elsewhere")
            self.end_headers()

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_words):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        running = threading.Thread(target=server.serve_forever, args=(0.01,))
        running.start()
        answer = spend_stop.stop({**own, "DGOPS_API_URL": f"http://127.0.0.1:{server.server_address[1]}"})
        server.shutdown()
        running.join()
    assert answer.startswith("HTTP 302")
    assert len(asked) == 1
