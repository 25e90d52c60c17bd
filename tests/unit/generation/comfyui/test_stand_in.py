"""The stand-in tells the end of a prompt as ComfyUI does: before its history can be read, and once more after."""

import urllib.error

import pytest
from listener import ask, listening

from dgops.generation.comfyui import reach
from dgops.generation.comfyui.start import start

PROMPT = {"1": {"class_type": "EmptyImage", "inputs": {}}, "2": {"class_type": "SaveImage", "inputs": {}}}
ENDS = ("execution_success", "execution_error", "execution_interrupted")


@pytest.fixture
def running(place):
    start(place.host, place.settings, lambda _words: None)
    return place


def spoilt():
    return {**PROMPT, "1": {"class_type": "EmptyImage", "inputs": {"fails": True}}}


@pytest.mark.parametrize(
    ("prompt", "interrupted", "end", "status"),
    [
        (PROMPT, False, "execution_success", "success"),
        (spoilt(), False, "execution_error", "error"),
        (PROMPT, True, "execution_interrupted", "error"),
    ],
)
def test_the_history_is_empty_when_the_end_is_told_and_there_at_the_last_word(
    running, prompt, interrupted, end, status
):
    """An empty one is also what an unknown prompt has: who reads it at the end's message takes it for lost."""
    with listening(running.port, "me") as event:
        number = ask(running.url, "/prompt", {"prompt": prompt, "client_id": "me"})["prompt_id"]
        seen = []
        while not seen or seen[-1]["type"] not in ENDS:
            seen.append(event())
            if interrupted and seen[-1]["type"] == "executing":
                ask(running.url, "/interrupt", {})
        assert seen[-1]["type"] == end
        assert ask(running.url, f"/history/{number}") == {}
        while seen[-1]["type"] != "executing" or seen[-1]["data"]["node"] is not None:
            seen.append(event())
        assert seen[-1]["data"]["prompt_id"] == number
        assert ask(running.url, f"/history/{number}")[number]["status"]["status_str"] == status
    kinds = [one["type"] for one in seen]
    assert kinds[:3] == ["execution_start", "execution_cached", "executing"]
    assert kinds[-3:] == [end, "status", "executing"]


def test_events_go_to_the_prompts_own_client(running):
    with listening(running.port, "other") as other, listening(running.port, "me") as mine:
        ask(running.url, "/prompt", {"prompt": PROMPT, "client_id": "me"})
        while mine()["type"] != "execution_success":
            pass
        ask(running.url, "/prompt", {"prompt": PROMPT, "client_id": "other"})
        assert other()["type"] == "execution_start"


def test_a_page_of_another_origin_is_refused_and_the_way_there_is_none(running):
    """ComfyUI answers 403 where Host and Origin differ; by the tunnel they are one address."""
    with reach.reached(running.host, running.settings) as url:
        assert reach.answers(url)
        assert ask(url, "/queue", Origin=url) == {"queue_running": [], "queue_pending": []}
        with pytest.raises(urllib.error.HTTPError, match="403") as caught:
            ask(url, "/queue", Origin="http://elsewhere.example")
        caught.value.close()
