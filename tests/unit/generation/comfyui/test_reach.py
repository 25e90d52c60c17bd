"""The way there, and the end of it."""

import pytest

from dgops.errors import DgopsError, UnreachableError
from dgops.generation.comfyui import reach
from dgops.generation.comfyui.start import start, stop


def test_the_way_leads_there_and_its_end_is_noticed(place):
    start(place.host, place.settings, lambda _words: None)
    pauses = []

    def rest(seconds):
        pauses.append(seconds)
        if len(pauses) == 2:
            stop(place.host, place.settings)

    with reach.reached(place.host, place.settings) as url:
        assert reach.answers(url)
        with pytest.raises(UnreachableError, match="here: ComfyUI can no longer be reached"):
            reach.watch(url, "here", rest)
    assert len(pauses) == 1 + reach.MOST_MISSED


def test_there_is_no_way_to_one_that_does_not_run(place):
    with (
        pytest.raises(DgopsError, match="ComfyUI on here is stopped") as caught,
        reach.reached(place.host, place.settings),
    ):
        pass
    assert caught.value.hint == "dgops comfyui start --host here"
