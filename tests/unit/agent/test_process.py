"""Who lives, who does not, and whose number was given out again."""

import os
import subprocess
import sys
import time

from dgops.agent import process


def test_a_zombie_is_no_process():
    child = subprocess.Popen([sys.executable, "-c", "print('x')"], stdout=subprocess.PIPE)
    identity = process.identity(child.pid)
    child.stdout.read()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process.gone(identity) == "the agent's process is gone"
    child.wait(5)
    child.stdout.close()


def test_this_process_lives():
    assert process.gone(process.identity(os.getpid())) is None
    assert process.gone(None) == "no process was recorded"


def test_members_by_session_by_descent_and_by_environment():
    argv = ["sh", "-c", "setsid sleep 60 & sleep 61 & echo up; wait"]
    env = {**os.environ, "DGOPS_JOB_ID": "feedbeef"}
    child = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, start_new_session=True)
    child.stdout.readline()
    until = time.monotonic() + 10
    while len(process.members("feedbeef", None)) < 3 and time.monotonic() < until:
        time.sleep(0.05)
    everybody = process.members("feedbeef", None)
    assert len(everybody) == 3
    assert child.pid in process.members("00000000", child.pid) < everybody
    assert everybody <= process.members("00000000", None, os.getpid())
    assert process.members("feedbee", None) == set()
    process.send(9, everybody)
    child.wait(5)
    child.stdout.close()


def test_the_kernel_s_count_of_memory_kills(tmp_path, monkeypatch):
    (tmp_path / "v1").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    monkeypatch.setattr(process, "MEMORY_EVENTS", (str(tmp_path / "v2"), str(tmp_path / "v1")))
    assert process.memory_kills() == 3
    (tmp_path / "v2").write_text("low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\n")
    assert process.memory_kills() == 1
    monkeypatch.setattr(process, "MEMORY_EVENTS", ())
    assert process.memory_kills() == 0
