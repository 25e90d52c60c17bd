"""What a person sees of a job: nothing steers the terminal, and a bar leaves no trace."""

import pytest

from dgops.cli import watching
from dgops.cli.watching import Options, Progress


class Terminal:
    def __init__(self, tty=True):
        self.text, self.tty = "", tty

    def isatty(self):
        return self.tty

    def write(self, text):
        self.text += text

    def flush(self):
        pass


@pytest.fixture
def on_terminal(monkeypatch):
    """Return a function, since pytest sets its own streams between a fixture and its test."""

    def put():
        found = Terminal()
        monkeypatch.setattr(watching.sys, "stdout", found)
        monkeypatch.setattr(watching.sys, "stderr", found)
        return found

    return put


def test_a_terminal_is_not_steered(on_terminal):
    terminal = on_terminal()
    Progress(Options()).wrote("stdout", "\x1b[31mred\x1b[0m 50 %\r60 %\x07\x1b]0;evil\x07\n")
    assert terminal.text == "red 50 %\r60 %??]0;evil?\n"


def test_a_bar_is_written_over_and_gone_before_the_next_line(on_terminal):
    terminal = on_terminal()
    shown = Progress(Options())
    for text in ("\x1b[1m10%\x1b[0m" + "|" * 500, "20%"):
        shown.happened({"event": "progress", "msg": text})
    shown.wrote("stderr", "done\n")
    bars = terminal.text.split(watching.WIPE)
    assert bars[1].startswith("10%|||")
    assert len(bars[1]) < 500
    assert bars[2:] == ["20%", "done\n"]


def test_no_bar_in_a_file_nor_within_a_line(on_terminal):
    terminal = on_terminal()
    shown = Progress(Options())
    shown.wrote("stdout", "begun")
    shown.happened({"event": "progress", "msg": "10%"})
    assert terminal.text == "begun"
    terminal.tty = False
    shown.end_line()
    shown.happened({"event": "progress", "msg": "10%"})
    assert terminal.text == "begun"


def test_what_happens_beside_the_output(capsys):
    shown = Progress(Options())
    for name, words in (("stalled", "nothing was written"), ("attempt_failed", "attempt 1 of 3 failed: x"), ("x", "y")):
        shown.happened({"event": name, "msg": words})
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in lines] == ["stalled", "retry"]
