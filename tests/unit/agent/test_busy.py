"""What a silent command does: one that computes is told from one that waits, and a driver that hangs is told."""

import re
import subprocess
import sys

import pytest

from dgops.agent import busy, live_gpu


@pytest.mark.parametrize(
    ("program", "least", "most"), [("while True: pass", 10, 200), ("import time; time.sleep(60)", 0, 9)]
)
def test_whether_it_computes(program, least, most):
    with subprocess.Popen([sys.executable, "-c", f"print(flush=True)\n{program}"], stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        words = busy.described({child.pid}, gpu=False)
        child.kill()
    assert least <= int(re.fullmatch(r"it uses (\d+) % of a core", words)[1]) <= most


def test_one_that_is_gone_uses_nothing():
    assert busy.described({2**22 + 1}, gpu=False) == "it uses 0 % of a core"


@pytest.mark.parametrize(
    ("used", "words"), [(98.0, "and the GPU is at 98 %"), (0.0, "and the GPU is at 0 %"), (None, "does not answer")]
)
def test_what_its_gpu_does(monkeypatch, used, words):
    monkeypatch.setattr(live_gpu, "used", lambda _seconds: used)
    assert busy.described((), gpu=True).endswith(words)
