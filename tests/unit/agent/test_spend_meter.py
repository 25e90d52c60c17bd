"""What a pod has used up: clocks, records and signs of work."""

import os
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgops.agent import beneath, live_gpu, process, spend_meter

numbers = st.one_of(st.floats(), st.integers(), st.text(), st.none(), st.booleans())


def test_setting_the_date_changes_nothing(monkeypatch):
    before = spend_meter.running()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert before <= spend_meter.running() < before + 60
    assert before > 0


def test_runs_add_up(tmp_path):
    root, pod = str(tmp_path), "abc"
    assert spend_meter.load(root, pod) is None
    assert spend_meter.earlier(None, "first") == 0
    spend_meter.save(root, pod, {"run": "first", "earlier": 0.0, "seconds": 100.0})
    assert spend_meter.earlier(spend_meter.load(root, pod), "first") == 0
    assert spend_meter.earlier(spend_meter.load(root, pod), "second") == 100
    spend_meter.save(root, pod, {"run": "second", "earlier": 100.0, "seconds": 50.0})
    assert spend_meter.earlier(spend_meter.load(root, pod), "third") == 150
    # Another pod on the same volume has its own.
    assert spend_meter.load(root, "other") is None


@given(st.dictionaries(st.sampled_from(["run", "earlier", "seconds"]), numbers))
def test_no_record_stops_a_pod_by_itself(record):
    assert 0 <= spend_meter.earlier(record, "now") < 2e10


def test_a_record_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / spend_meter.FOLDER).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(beneath.Refused):
        spend_meter.save(str(tmp_path), "abc", {})


def test_a_job_is_work(monkeypatch, tmp_path):
    agent = tmp_path / "agent.pyz"
    agent.write_text("import time; print(flush=True); time.sleep(600)")
    monkeypatch.setattr(process, "table", lambda: [process.look(job.pid)])
    with subprocess.Popen([sys.executable, agent, "job"], stdout=subprocess.PIPE, start_new_session=True) as job:
        try:
            # A process that has only just begun shows no words yet.
            assert job.stdout.readline() == b"\n"
            # It is our own child, as the keeper's helpers are: of another's, it counts.
            monkeypatch.setattr(os, "getpid", lambda: 1)
            assert spend_meter.at_work(10) == "a job runs or waits"
        finally:
            job.kill()


@pytest.mark.parametrize(
    ("title", "there"),
    [
        (b"sshd: root@pts/0\0", True),
        (b"sshd: root@notty\0", True),
        (b"sshd-session: seanf@notty\0", True),
        (b"sshd: /usr/sbin/sshd [listener] 0 of 10-100 startups\0", False),
        (b"sshd: unknown [priv]\0", False),
        (b"sshd: root [net]\0", False),
        (b"python3\0/root/x.pyz\0watch\0", False),
        (b"grep\0sshd: root@notty\0", False),
    ],
)
def test_who_is_logged_in(monkeypatch, title, there):
    monkeypatch.setattr(process, "table", lambda: [process.Process(4242, 1, 1, 1, "S", 1, 0.0)])
    monkeypatch.setattr(spend_meter, "_command", lambda _pid: title)
    monkeypatch.setattr(live_gpu, "used", lambda _seconds: 0.0)
    assert (spend_meter.at_work(10) == "somebody is logged in") is there


@pytest.mark.parametrize(
    ("used", "words"),
    [(97.0, "the GPU is at 97 %"), (3.0, None), (0.0, None), (None, "nobody can tell what the GPU does")],
)
def test_a_gpu_at_work(monkeypatch, used, words):
    monkeypatch.setattr(process, "table", list)
    monkeypatch.setattr(live_gpu, "used", lambda _seconds: used)
    assert spend_meter.at_work(10) == words
