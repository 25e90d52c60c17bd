import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.deploy.scrub import Scrub

TOKEN = "Ab3+/ünï\"q'x"
KEY = "-----BEGIN X-----\nAAAABBBB\nCCCCDDDD\n-----END X-----\n"
SPELLINGS = {
    "plain": TOKEN,
    "json": json.dumps(TOKEN),
    "json with umlauts": json.dumps(TOKEN, ensure_ascii=False),
    "python": repr([TOKEN]),
    "base64": base64.b64encode(TOKEN.encode()).decode(),
    "address": "https://x/?q=Ab3%2B%2F%C3%BCn%C3%AF%22q%27x",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings(spelling):
    found = Scrub([TOKEN]).text(f"before {SPELLINGS[spelling]} after")
    assert "***" in found
    assert "Ab3" not in found
    assert found.startswith("before ")
    assert found.endswith(" after")


def test_a_key_goes_line_by_line():
    diff = "".join(f"+{line}\n" for line in KEY.splitlines())
    assert Scrub([KEY]).text(f"{diff}+ok") == "+***\n+***\n+***\n+***\n+ok"


def test_the_longer_of_two_goes_whole():
    assert Scrub(["abcdef", "abcdefghij"]).text("abcdefghij abcdef") == "*** ***"


def test_an_event_is_searched_to_its_leaves():
    event = {"event": "result", "value": {"abcdef": [{"x": "is abcdef"}, 3, None]}, "ok": True}
    assert Scrub(["abcdef"]).event(event) == {
        "event": "result",
        "value": {"***": [{"x": "is ***"}, 3, None]},
        "ok": True,
    }


def test_without_secrets_values_stay_and_words_lose_what_has_the_form_of_one():
    token = "hf_" + "a" * 34
    event = {"event": "x", "text": f"got {token}", "failure": {"msg": token}, "value": {"path": f"/x/{token}"}}
    found = Scrub([]).event(event)
    assert found["value"] == event["value"]
    assert token not in found["text"] + found["failure"]["msg"]


@given(st.text(min_size=6, max_size=20), st.text(max_size=10), st.text(max_size=10))
@settings(derandomize=True)
def test_whatever_the_secret(secret, before, after):
    # The secret may come about anew where its neighbours meet; that says nothing about it.
    found = Scrub([secret]).text(f"{before}{secret}{after}")
    assert "***" in found
    assert len(found) <= len(before) + len(after) + len(secret) + 3
