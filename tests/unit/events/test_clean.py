"""Nothing secret stays in a record, whichever way it came in."""

import base64
import urllib.parse

import pytest

from dgops.events.clean import Cleaner

SECRET = "correct horse/battery+staple"
TOKEN = "hf_" + "Ab3" * 12


@pytest.fixture
def cleaner(monkeypatch):
    monkeypatch.setenv("HOME", "/srv/people/sean")
    cleaner = Cleaner()
    cleaner.register([SECRET])
    return cleaner


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"--password {SECRET}",
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"user:{SECRET}".encode()).decode(),
        urllib.parse.quote(SECRET, safe=""),
        urllib.parse.quote_plus(SECRET),
        repr(SECRET + "\n"),
    ],
)
def test_a_registered_secret_goes_in_every_spelling(cleaner, text):
    for clean in (cleaner.text(text), cleaner.value({"a": [text]})["a"][0]):
        assert SECRET not in clean
        assert text not in clean
        assert "REDACTED" in clean or "***" in clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (TOKEN, "hf_***REDACTED***"),
        ("sk-" + "a1" * 20, "sk-***REDACTED***"),
        ("token=abcdef123", "token=***"),
        ("password=abc", "password=***"),
        ("https://user:pass1234@example.org/x", "https://user:***@example.org/x"),
        ("/home/seanf/x.py and /home/ann", "/[HOME]/x.py and /[HOME]"),
        ("/Users/Ann/x", "/[HOME]/x"),
        ("/mnt/c/Users/seanf/x", "/[HOME]/x"),
        ("/srv/people/sean/x", "/[HOME]/x"),
        ("/homework/x and /home", "/homework/x and /home"),
    ],
)
def test_forms(cleaner, text, clean):
    assert cleaner.text(text) == clean


@pytest.mark.parametrize("name", ["token", "HF_TOKEN", "api_key", "apikey", "db-password", "secret", "Authorization"])
def test_what_is_named_like_a_secret_goes_whole(cleaner, name):
    assert cleaner.value({name: "harmless"}) == {name: "***"}
    assert cleaner.value({"outer": [{name: {"deep": 1}}]}) == {"outer": [{name: "***"}]}


def test_what_is_not_named_so_stays(cleaner):
    record = {"tokens_per_second": 12.5, "step": 3, "ok": True, "none": None, "path": "x"}
    assert cleaner.value(record) == record


def test_a_key_that_begins_in_one_text_swallows_no_other(cleaner):
    assert "BEGIN" not in cleaner.text("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE")
    assert cleaner.text("abcdefghijklmnopqrstuvwxyz") == "abcdefghijklmnopqrstuvwxyz"


def test_any_value_becomes_json(cleaner):
    deep = value = {}
    for _ in range(50):
        value["x"] = value = {}
    assert cleaner.value(deep)
    assert cleaner.value({1: object, "set": {1}})["set"] == [1]
