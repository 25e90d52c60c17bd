"""Text for people."""

from datetime import datetime, timedelta, timezone

import pytest

from dgops.cli import render


def test_no_host_steers_the_terminal():
    assert render.plain("a\x1b[31mb\x07\x9b2Jc\r\n\tz") == "a?[31mb??2Jc?\n\tz"
    assert render.plain("a\u202eb\u2028c\ud800é") == "a?b?c?é"


def test_columns_do_not_count_colours():
    lines = render.columns([("HOST", "STATE", "X"), ("a-long-name", render.coloured("pass"), "1")])
    assert lines[0].index("STATE") == 13
    assert lines[0].index("X") == 20


@pytest.mark.parametrize(
    ("seconds", "text"), [(3, "just now"), (125, "2 min ago"), (7300, "2 hours ago"), (90000, "1 day ago")]
)
def test_ago(seconds, text):
    moment = datetime.now(timezone.utc) - timedelta(seconds=seconds)
    assert render.ago(moment.isoformat()) == text


def test_ago_of_rubbish():
    assert render.ago("yesterday-ish") == "?"


def test_gigabytes():
    assert [render.gigabytes(value * 1024**3) for value in (1.25, 24)] == ["1.2", "24"]
