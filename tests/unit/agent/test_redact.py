"""Redaction: what must go goes, what is none stays, and it is quick where nothing is to be found."""

import base64
import json
import time
import urllib.parse
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from soak import many

from dgops.agent import redact
from dgops.agent.redact import SHORTEST, Redactor, every, exact_values, text

CASES = sorted(Path(__file__).parents[2].glob("cases/redact/*.json"))
MEGABYTE = 1 << 20


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
@pytest.mark.parametrize("by_line", [False, True])
def test_case(path, by_line):
    case = json.loads(path.read_text())
    redactor = Redactor(case["secrets"])
    lines = [line.encode() + b"\n" for line in case["lines"]]
    seen = b"".join(map(redactor.line, lines)) if by_line else redactor.block(b"".join(lines))
    assert seen.decode().split("\n")[:-1] == case["redacted"]


def test_there_are_cases():
    assert len(CASES) >= 10


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_second_time_changes_nothing(path):
    case = json.loads(path.read_text())
    once = text("\n".join(case["lines"]), case["secrets"])
    assert text(once, case["secrets"]) == once


def test_a_key_without_an_end_does_not_swallow_a_log():
    redactor = Redactor()
    redactor.block(b"-----BEGIN PRIVATE KEY-----\n")
    lines = [b"this is line %d of the log\n" % number for number in range(400)]
    assert redactor.block(b"".join(lines)) == b"".join(lines)
    assert redactor.key_lines == 0


def test_what_is_too_short_or_empty_is_no_secret():
    assert exact_values(["", "  ", "\n", "a" * (SHORTEST - 1)]) == []
    assert text("aaa", ["aaa", ""]) == "aaa"


@settings(derandomize=True, max_examples=many(100), deadline=None)
@given(st.text(min_size=SHORTEST, max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_no_handed_value_gets_through(secret, before, after):
    for line in secret.splitlines():
        if len(line.strip()) >= SHORTEST and "*" not in line and line not in "***REDACTED***":
            seen = Redactor([secret]).block((before + line + after).encode())
            assert line.encode() not in seen.replace(before.encode(), b"").replace(after.encode(), b"")


# Home folders are no secrets and masked all the same; hypothesis finds their names in our own sources.
HOMES = (b"/root", b"/home/", b"/users/")


@settings(derandomize=True, max_examples=many(100), deadline=None)
@given(st.binary(max_size=200))
def test_bytes_without_a_secret_stay(data):
    low = data.lower()
    if not any(word in low for word in (b"key", b"token", b"pass", b"://", b"secret", b"hf_", b"sk-", *HOMES)):
        assert Redactor(["not in there"]).block(data) == data


def test_plain_lines_cost_little():
    line = b"step 100/2000 loss 0.1234 lr 1e-4 [00:12<00:22, 1.2it/s] epoch 3\n"
    block = line * (MEGABYTE // len(line))
    redactor = Redactor(["a secret value", "another"])
    began = time.process_time()
    for _ in range(4):
        redactor.block(block)
    assert time.process_time() - began < 2


LONG = [b"a" * 65000 + b"://", b"-eyJ" * 16000, b"wandb" * 13000, b"password=" * 7000, b"sk-" * 20000, b"token " * 9000]
LONG += [b'token="' * 9000, b"-----BEGIN " * 6000, b"://a:" * 13000, b"-token " * 9000, b"token:" + b"a" * 64000]
LONG += [b'token="' + b"\\" * 64000, b"token=" + b"\\" * 64000, b"key\\'" * 12000, b"/home/" * 10000]


@pytest.mark.parametrize("line", LONG, ids=lambda line: line[:9].decode())
def test_no_line_takes_minutes(line):
    began = time.process_time()
    Redactor(["a secret value"]).block(line)
    assert time.process_time() - began < 2


HANDED = "p\u00e4ss\"w'or/d+ 1\nsecond line"
SPELLED = {
    "json": json.dumps({"key": HANDED}),
    "json as it is": json.dumps({"key": HANDED}, ensure_ascii=False),
    "python": repr([HANDED]),
    "python bytes": repr([HANDED.encode()]),
    "address": "https://x/?key=" + urllib.parse.quote(HANDED, safe=""),
    "form": urllib.parse.urlencode({"key": HANDED}),
    "base64": base64.b64encode(HANDED.encode()).decode(),
    "base64 of an address": base64.urlsafe_b64encode(HANDED.encode()).decode(),
    "base64 with a user": "Basic " + base64.b64encode(f"ab:{HANDED}".encode()).decode(),
    "base64 with another": "Basic " + base64.b64encode(f"abc:{HANDED}.".encode()).decode(),
}


@pytest.mark.parametrize("spelling", SPELLED)
def test_a_handed_value_goes_however_it_is_spelled(spelling):
    seen = text(f"before {SPELLED[spelling]} after", [HANDED])
    assert seen.startswith("before ")
    assert seen.endswith(" after")
    assert "***REDACTED***" in seen
    for rest in ("ss", "w'or", "or/d", "second", "or%2Fd", base64.b64encode(HANDED.encode()).decode()[4:16]):
        assert rest not in seen.replace("Basic", "")


def test_every_text_of_a_value_is_redacted():
    value = {"a": ["x horse-battery", 3, None, {"b": "token=abc1"}], "horse-battery": True}
    assert every(value, ["horse-battery"]) == {
        "a": ["x ***REDACTED***", 3, None, {"b": "token=***"}],
        "horse-battery": True,
    }


def test_a_value_of_no_text_is_looked_for_all_the_same():
    assert Redactor(["ab\udcffcd"]).block(b"x ab\xffcd x") == b"x ***REDACTED*** x"
    assert text("plain", ["ab\ud800cd"]) == "plain"


def test_a_token_right_behind_a_handed_value_goes_too():
    token = "hf_" + "Ab3" * 12
    assert redact.text(f"broke with some-password{token}.", ["some-password"]) == (
        "broke with ***REDACTED***hf_***REDACTED***."
    )
    assert redact.text(f"{token}Longer", [token]) == "hf_***REDACTED***"
