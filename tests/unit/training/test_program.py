"""One program: its output passed on untouched, cut into states at CR and LF, and ended whatever it thinks of that."""

import os
import signal
import sys

import pytest

from dgops.errors import DgopsError
from dgops.training import program
from dgops.training.values import Step

GLUED = (
    "steps:   0%|   | 83/1707300 [09:39<3308:53:47,  6.98s/it, avr_loss=0.455]INFO:musubi_tuner:epoch is incremented"
)


def run(source, folder, saw=lambda _line: None, tick=lambda: None, **env):
    return program.run(Step("try", (sys.executable, "-c", source), env), folder, saw, tick)


def test_states_are_cut_at_every_carriage_return_and_come_as_they_are_printed(tmp_path, capfdbinary):
    """tqdm ends a state by beginning the next, on stderr, and loggers write into the same line."""
    bars = f"\rsteps: 1%|\rsteps: 2%|{GLUED}\n"
    source = f"import sys; sys.stderr.write({bars!r}); print('日本')"
    lines = []
    assert run(source, tmp_path, lines.append) == 0
    assert "steps: 1%|" in lines
    assert f"steps: 2%|{GLUED}" in lines
    assert "日本" in lines
    out, err = capfdbinary.readouterr()
    assert out.decode() == "日本\n"
    assert err.decode() == bars


def test_a_state_without_an_end_is_seen_while_the_program_waits(tmp_path):
    """Its newest state has no end yet: the next one would bring it."""
    seen = []

    class SeenError(Exception):
        pass

    def saw(line):
        seen.append(line)
        if "2/9" in line:
            raise SeenError

    with pytest.raises(SeenError):
        run("import sys, time; sys.stderr.write('steps: 2/9'); time.sleep(600)", tmp_path, saw)
    assert seen[-1] == "steps: 2/9"


def test_output_is_not_held_back_by_the_pipe(tmp_path):
    """Python keeps lines back where it writes to a pipe, and cannot write Japanese where no locale says so."""
    source = "import os; print(os.environ['PYTHONUNBUFFERED'], os.environ['PYTHONIOENCODING'], os.environ['X'])"
    lines = []
    run(source, tmp_path, lines.append, X="ours")
    assert "1 utf-8 ours" in lines


def test_it_has_no_terminal_to_ask_at(tmp_path):
    lines = []
    assert run("import sys; print(repr(sys.stdin.read()))", tmp_path, lines.append) == 0
    assert "''" in lines


def test_an_exit_code_and_a_signal(tmp_path):
    assert run("raise SystemExit(7)", tmp_path) == 7
    assert run("import os; os.kill(os.getpid(), 9)", tmp_path) == -9


def test_one_that_is_not_there(tmp_path):
    with pytest.raises(DgopsError, match="try: /nowhere/python: No such file") as caught:
        program.run(Step("try", ("/nowhere/python",)), tmp_path, print, print)
    assert caught.value.hint == "dgops deploy builds its venv"


@pytest.mark.parametrize("deaf", [(), ("SIGINT",), ("SIGINT", "SIGTERM")])
def test_what_the_reader_raises_ends_it_however_deaf_it_is(tmp_path, monkeypatch, deaf):
    monkeypatch.setattr(program, "GRACE", 1.0)
    ignore = "".join(f"signal.signal(signal.{one}, signal.SIG_IGN);" for one in deaf)
    source = f"import os, signal, time;{ignore} print(os.getpid(), flush=True); time.sleep(600)"
    seen = []

    def saw(line):
        if line.isdigit():
            seen.append(int(line))
            raise DgopsError("no number")

    with pytest.raises(DgopsError, match="no number"):
        run(source, tmp_path, saw)
    with pytest.raises(ProcessLookupError):
        os.kill(seen[0], 0)


def test_a_child_that_holds_the_pipes_holds_nothing_up(tmp_path):
    """A loader's worker that outlives its parent keeps the pipes open."""
    source = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid, flush=True)"
    lines = []
    assert run(source, tmp_path, lines.append) == 0
    # It is still there.
    os.kill(next(int(one) for one in lines if one.isdigit()), signal.SIGKILL)


def test_it_ticks_while_nothing_is_printed(tmp_path):
    ticks = []
    assert run("import time; time.sleep(1.6)", tmp_path, tick=lambda: ticks.append(1)) == 0
    assert ticks


def test_a_line_without_end_is_kept_short(tmp_path):
    longest = 0

    def saw(line):
        nonlocal longest
        longest = max(longest, len(line))

    assert run("import sys; [sys.stderr.write('x' * 65536) for _ in range(64)]", tmp_path, saw) == 0
    assert longest <= program.LONGEST_LINE + program.CHUNK


def test_the_folder_is_where_it_runs(tmp_path):
    assert run("open('here', 'w')", tmp_path) == 0
    assert (tmp_path / "here").is_file()
