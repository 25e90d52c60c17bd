"""Started once however often it is asked for, seen ready, and ended; by a real job on this machine."""

import http.server
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dgops.errors import DgopsError
from dgops.generation.comfyui.installed import Installed, installed
from dgops.generation.comfyui.standing import living, look
from dgops.generation.comfyui.start import request, start, stop
from dgops.jobs.link import Link


def standing(place):
    with Link(place.host, place.settings) as link:
        return look(link, installed(place.host, place.settings))


def test_started_twice_it_runs_once(place):
    told = []
    first = start(place.host, place.settings, told.append)
    assert (first.state, first.version, first.device, first.classes) == ("ready", "0.3.64", "cpu", 4)
    again = start(place.host, place.settings, told.append)
    assert again.job.id == first.job.id
    assert told == [f"here: job {first.job.id} started", f"here: job {first.job.id} runs already"]


def test_two_that_start_it_at_once_get_the_same(place):
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: start(place.host, place.settings, lambda _words: None), range(2)))
    assert both[0].state == both[1].state == "ready"
    ended = stop(place.host, place.settings)
    assert ended is not None
    assert standing(place).state == "stopped"


def test_stopped_twice_is_fine(place):
    start(place.host, place.settings, lambda _words: None)
    assert stop(place.host, place.settings).status == "cancelled"
    assert stop(place.host, place.settings) is None


def test_a_class_that_is_missing_is_named_and_it_goes_on(place):
    place.wants("KSampler", "ApplyInstantID")
    with pytest.raises(DgopsError, match="answers, and lacks ApplyInstantID") as caught:
        start(place.host, place.settings, lambda _words: None)
    assert "comfyui__custom_nodes" in caught.value.hint
    assert standing(place).state == "incomplete"


def test_one_that_ends_says_its_first_failure(place):
    place.launch("echo 'ModuleNotFoundError: No module named torchsde' >&2; exit 1")
    with pytest.raises(DgopsError, match="failed: ModuleNotFoundError: No module named torchsde") as caught:
        start(place.host, place.settings, lambda _words: None)
    assert "dgops jobs show" in caught.value.hint


def test_one_that_never_answers_has_a_deadline(place):
    place.launch("exec sleep 600")
    with pytest.raises(DgopsError, match="does not answer within 1 s; it goes on"):
        start(place.host, place.settings, lambda _words: None, seconds=1)
    assert standing(place).state == "starting"


def test_one_of_somebody_else_is_left_alone(place):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", place.port), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        for act in (lambda: start(place.host, place.settings, print), lambda: stop(place.host, place.settings)):
            with pytest.raises(DgopsError, match="that dgops did not start") as caught:
                act()
            assert f"ss -ltnp 'sport = :{place.port}'" in caught.value.hint
        with Link(place.host, place.settings) as link:
            assert living(link, installed(place.host, place.settings).base) is None
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("mode", "argv"), [("production", ()), ("fast-test", ("--cpu",))])
def test_only_fast_test_mode_does_without_a_gpu(place, mode, argv):
    at = Installed("http://127.0.0.1:8188", (), "/base", mode)
    assert request(place.host, at, place.settings).argv[1:] == argv
