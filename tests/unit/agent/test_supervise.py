"""Jobs with real processes: how they end, and what is said of it."""

import itertools
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from soak import many

from dgops.agent import logfile, logparts, process


def processes_of(job):
    return process.members(job, None)


def test_output_exit_code_and_one_last_event(agent_host):
    job = agent_host.submit("sh", "-c", "echo out; echo err >&2; printf 'no end'; exit 3")
    seen = agent_host.wait(job)
    assert (seen["status"], seen["exit_code"]) == ("failed", 3)
    assert agent_host.log(job) == "out\nno end"
    assert agent_host.log(job, "stderr.log") == "err\n"
    events = agent_host.events(job)
    assert [one["event"] for one in events] == ["created", "started", "finished"]
    assert [one["seq"] for one in events] == [1, 2, 3]
    assert set(events[0]) == {"ts", "seq", "level", "service", "job_id", "correlation_id", "event", "msg", "fields"}
    assert events[-1]["fields"]["status"] == "failed"
    assert sorted(one.name for one in agent_host.directory(job).iterdir()) == sorted(
        ["events.jsonl", "heartbeat", "samples", "spec.json", "status.json", "stderr.log", "stdout.log", "work"]
    )


def test_the_environment_of_a_login_and_no_more(agent_host):
    program = (
        "import os; [print(k, v) for k, v in sorted(os.environ.items())]; print(repr(__import__('sys').stdin.read()))"
    )
    job = agent_host.submit(sys.executable, "-c", program, env={"COLOUR": "red"}, handed={"MY_WORD": "xyzzy plugh"})
    agent_host.wait(job)
    lines = agent_host.log(job).splitlines()
    names = [line.split()[0] for line in lines[:-1]]
    assert {"HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "PYTHONUNBUFFERED", "COLOUR", "MY_WORD"} <= set(names)
    assert {"DGOPS_JOB_ID", "DGOPS_CORRELATION_ID", "DGOPS_JOB_DIR"} <= set(names)
    assert not {"SSH_CONNECTION", "CUDA_VISIBLE_DEVICES", "VIRTUAL_ENV"} & set(names)
    assert "MY_WORD ***REDACTED***" in lines
    assert lines[-1] == "''"
    for path in agent_host.directory(job).iterdir():
        assert not path.is_file() or b"xyzzy" not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["no-such-program"], 127, "no-such-program: command not found"),
        (["./missing.sh"], 127, "./missing.sh: there is no such file"),
        (["/etc/passwd"], 126, "/etc/passwd: Permission denied"),
        (["sh", "-c", "no-such-program"], 127, "sh: 1: no-such-program: not found"),
        (["sh", "-c", "kill -9 $$"], 137, "sh: killed (SIGKILL), perhaps out of memory"),
    ],
)
def test_what_could_not_run(agent_host, argv, code, words):
    seen = agent_host.wait(agent_host.submit(*argv))
    assert (seen["status"], seen["exit_code"], seen["first_failure"]) == ("failed", code, words)


def test_an_interpreter_that_is_missing(agent_host, tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/no/such/python\n")
    script.chmod(0o755)
    seen = agent_host.wait(agent_host.submit(str(script)))
    assert seen["first_failure"] == f"{script}: the interpreter that its first line names does not exist"


def test_a_declared_output_that_is_missing(agent_host):
    argv = ["sh", "-c", "mkdir results"]
    assert agent_host.wait(agent_host.submit(*argv, outputs=["results"]))["status"] == "succeeded"
    seen = agent_host.wait(agent_host.submit(*argv, outputs=["results", "model/last.pt"]))
    assert (seen["status"], seen["exit_code"]) == ("failed", 0)
    assert seen["first_failure"] == "declared output model/last.pt was not written"


@pytest.mark.parametrize("start", ["sleep 300 &", "setsid sleep 300 &", "trap '' TERM; (trap '' TERM; sleep 300) &"])
def test_what_stays_behind_is_ended_and_holds_nothing_up(agent_host, start):
    began = time.monotonic()
    job = agent_host.submit("sh", "-c", f"{start} echo done")
    seen = agent_host.wait(job)
    assert seen["status"] == "succeeded"
    assert time.monotonic() - began < 20
    assert agent_host.log(job) == "done\n"
    assert not processes_of(job)


@pytest.mark.parametrize(
    ("program", "sent", "said"),
    [
        (
            "import time\ntry:\n print('up'); time.sleep(99)\nexcept KeyboardInterrupt:\n print('saved')",
            "SIGINT",
            "saved",
        ),
        ("import signal, time; signal.signal(2, signal.SIG_IGN); print('up'); time.sleep(99)", "SIGTERM", ""),
        (
            "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (2, 15)]; print('up'); time.sleep(99)",
            "SIGKILL",
            "",
        ),
    ],
)
def test_cancel_climbs(agent_host, program, sent, said):
    job = agent_host.submit(sys.executable, "-c", program)
    agent_host.wait_for_output(job, "up")
    assert agent_host.call("cancel", id=job, grace=0.5)["job"]["status"] == "running"
    seen = agent_host.wait(job)
    assert (seen["status"], seen["reason"]) == ("cancelled", f"cancelled; {sent} was sent")
    assert said in agent_host.log(job)
    assert not processes_of(job)
    assert [one["event"] for one in agent_host.events(job)].count("finished") == 1
    assert agent_host.call("cancel", id=job)["job"]["status"] == "cancelled"


def test_a_killed_supervisor_leaves_a_lost_job_and_no_process(agent_host):
    job = agent_host.submit("sh", "-c", "setsid sleep 301 & timeout 300 sleep 302 & echo up; sleep 303")
    agent_host.wait_for_output(job, "up")
    assert len(processes_of(job)) >= 4
    os.kill(agent_host.status(job)["supervisor"]["pid"], signal.SIGKILL)
    until = time.monotonic() + 10
    while processes_of(job) and time.monotonic() < until:
        time.sleep(0.05)
    assert not processes_of(job)
    seen = agent_host.show(job)
    assert (seen["status"], seen["reason"]) == ("lost", "the agent's process is gone")
    assert agent_host.follow(job, wait=20, stdout=0)[2] == {"stdout": b"up\n"}


def test_cancel_of_a_lost_job_ends_what_is_left(agent_host):
    job = agent_host.submit("sh", "-c", "setsid sleep 301 & echo up; sleep 302")
    agent_host.wait_for_output(job, "up")
    keeper = agent_host.status(job)["supervisor"]["pid"]
    # The guard first, so that nobody else does it.
    guards = [one.pid for one in process.table() if one.parent == keeper and one.pid not in processes_of(job)]
    process.send(signal.SIGKILL, set(guards))
    os.kill(keeper, signal.SIGKILL)
    until = time.monotonic() + 5
    while agent_host.show(job)["status"] != "lost" and time.monotonic() < until:
        time.sleep(0.05)
    assert processes_of(job)
    assert agent_host.call("cancel", id=job)["job"]["status"] == "lost"
    assert not processes_of(job)


def test_a_lot_of_output_and_binary(agent_host):
    began = time.monotonic()
    job = agent_host.submit("sh", "-c", "seq 1 2600000; head -c 1000000 /dev/zero; exit 1")
    agent_host.wait(job, seconds=60)
    content = (agent_host.directory(job) / "stdout.log").read_bytes()
    assert content.startswith(b"1\n2\n")
    assert content.count(b"\0") == 1000000
    assert b"\n2600000\n" in content
    assert time.monotonic() - began < 45


def test_more_output_than_a_log_keeps_costs_its_middle_and_no_memory(agent_host):
    size = many(80_000_000)
    line = "step 000001 loss 0.123456 lr 1.0e-04 in /workspace/models"
    job = agent_host.submit(
        "sh", "-c", f"echo first; yes {line} | head -c {size}; echo; echo last; grep VmHWM /proc/$PPID/status"
    )
    seen = agent_host.wait(job, seconds=300)
    assert (seen["status"], seen["reason"]) == ("succeeded", None)
    kept = sum(path.stat().st_size for path in agent_host.directory(job).glob("stdout.log*"))
    assert logfile.HEAD + logfile.PIECE < kept < logfile.HEAD + logfile.KEPT * logfile.PIECE + 3 * logfile.OVERHANG
    assert agent_host.log(job).startswith(f"first\n{line}\n")
    *_, last, memory = logparts.tail(str(agent_host.directory(job) / "stdout.log"), 1000).decode().splitlines()
    assert last == "last"
    assert int(memory.split()[1]) < 60_000, memory


CLOCK = """
import time
real, path = time.time, {path!r}
def moved():
    with open(path) as stream:
        return real() + float(stream.read() or 0)
time.time = moved
"""


def test_a_clock_that_jumps_moves_nothing_but_the_times_told(agent_host, tmp_path):
    offset, site = tmp_path / "offset", tmp_path / "site"
    site.mkdir()
    offset.write_text("0")
    (site / "sitecustomize.py").write_text(CLOCK.format(path=str(offset)))
    agent_host.env["PYTHONPATH"] = str(site)
    stall = {"times": 5, "least": 8.0, "stop": True}
    script = "for n in 1 2 3 4 5 6 7 8 9; do echo $n; printf '\\r%s' $n >&2; sleep 0.4; done; test $DGOPS_ATTEMPT = 2"
    job = agent_host.submit("sh", "-c", script, stall=stall, retries=1)
    for text, jump in (("2", "90000"), ("5", "-180000"), ("8", "0")):
        agent_host.wait_for_output(job, text)
        offset.write_text(jump)
    seen = agent_host.wait(job)
    assert (seen["status"], seen["attempt"]) == ("succeeded", 2)
    events = agent_host.events(job)
    assert [one["seq"] for one in events] == list(range(1, len(events) + 1))
    assert [one["event"] for one in events].count("finished") == 1
    assert "stalled" not in {one["event"] for one in events}
    days = {one["ts"][:10] for one in events}
    assert len(days) >= 2, "the clock jumped"
    assert agent_host.log(job) == "".join(f"{number}\n" for number in range(1, 10)) * 2


def test_a_prompt_is_seen_before_its_line_ends(agent_host):
    job = agent_host.submit("sh", "-c", "printf 'loading model hf_AAAAAAAAAAAA'; sleep 4; echo AAAAAAAAAAAAAAAAAAAAAA")
    until = time.monotonic() + 10
    while not agent_host.log(job) and time.monotonic() < until:
        time.sleep(0.1)
    assert agent_host.log(job) == "loading model "
    agent_host.wait(job)
    assert agent_host.log(job) == "loading model hf_***REDACTED***\n"


def test_a_full_disk_hangs_nothing_and_is_told(agent_host, small_disk):
    agent_host.base = small_disk / "dgops"
    program = "import sys\nfor n in range(600000): print('line', n)\nsys.exit(4)"
    job = agent_host.submit(sys.executable, "-c", program)
    seen = agent_host.wait(job, seconds=60)
    assert (seen["status"], seen["exit_code"]) == ("failed", 4)
    assert "could not be written: No space left on device" in seen["reason"]
    assert agent_host.events(job)[-1]["event"] == "finished"


def test_a_submit_on_a_full_disk_is_refused_and_leaves_no_job(agent_host, small_disk, fill):
    agent_host.base = small_disk / "dgops"
    fill(small_disk)
    answer = agent_host.call("submit", user=agent_host.user, mode="fast-test", spec=agent_host.spec("true"), secrets={})
    assert "No space left on device" in answer["error"]
    (small_disk / "filler").unlink()
    assert agent_host.call("list") == {"jobs": []}
    assert agent_host.wait(agent_host.submit("true"))["status"] == "succeeded"


def test_a_supervisor_that_is_told_to_end_ends_its_job(agent_host):
    job = agent_host.submit("sh", "-c", "echo up; sleep 300")
    agent_host.wait_for_output(job, "up")
    os.kill(agent_host.status(job)["supervisor"]["pid"], signal.SIGTERM)
    assert agent_host.wait(job)["status"] == "cancelled"
    asked = next(one for one in agent_host.events(job) if one["event"] == "cancel_asked")
    assert asked["msg"] == "the agent was told to end (SIGTERM)"


def test_no_connection_holds_it_and_it_holds_none(agent_host):
    job = agent_host.submit("sh", "-c", "echo up; sleep 300")
    agent_host.wait_for_output(job, "up")
    keeper = agent_host.status(job)["supervisor"]["pid"]
    assert {os.readlink(f"/proc/{keeper}/fd/{number}") for number in (0, 1, 2)} == {"/dev/null"}
    seen, command = process.look(keeper), agent_host.status(job)["command"]["pid"]
    assert seen.session not in (os.getsid(0), command)
    assert process.look(command).session == command
    environ = subprocess.run(["cat", f"/proc/{keeper}/cmdline"], capture_output=True, timeout=5).stdout
    assert b"sleep" not in environ
    agent_host.call("cancel", id=job, grace=1)
    agent_host.wait(job)


@pytest.mark.parametrize("name", ["stderr.log", "stdout.log", "heartbeat", ".status.json.next"])
def test_a_pipe_in_place_of_a_file_holds_no_supervisor_up(agent_host, name):
    program = f"cd $DGOPS_JOB_DIR; sleep 0.3; rm -f {name}; mkfifo {name}; sleep 0.5; exit 3"
    began = time.monotonic()
    job = agent_host.submit("sh", "-c", program)
    seen = agent_host.wait(job)
    assert (seen["status"], seen["exit_code"]) == ("failed", 3)
    assert time.monotonic() - began < 20
    assert not any(agent_host.follow(job, stdout=0, stderr=0)[2].values())


def named(host, job, name):
    return [one for one in host.events(job) if one["event"] == name]


def test_an_attempt_that_failed_is_followed_by_the_command_that_resumes(agent_host):
    first = "echo attempt $DGOPS_ATTEMPT; echo 'ValueError: only once' >&2; exit 3"
    resume = "echo resumed $DGOPS_ATTEMPT; test $DGOPS_ATTEMPT = 3"
    job = agent_host.submit("sh", "-c", first, resume=["sh", "-c", resume], retries=5)
    seen = agent_host.wait(job)
    assert (seen["status"], seen["exit_code"], seen["first_failure"]) == ("succeeded", 0, None)
    assert (seen["attempt"], seen["attempts"]) == (3, 6)
    assert agent_host.log(job) == "attempt 1\nresumed 2\nresumed 3\n"
    assert [one["fields"]["attempt"] for one in named(agent_host, job, "started")] == [1, 2, 3]
    assert [one["fields"]["attempt"] for one in named(agent_host, job, "attempt_failed")] == [1, 2]
    assert len(named(agent_host, job, "finished")) == 1
    # What the first attempt wrote is no failure of the second one.
    words = "sh: ended with exit code 1 and did not say why"
    assert seen["failures"] == [
        {"attempt": 1, "exit_code": 3, "first_failure": "ValueError: only once"},
        {"attempt": 2, "exit_code": 1, "first_failure": words},
    ]
    assert seen["started"] == agent_host.status(job)["started"] < seen["finished"]


def test_attempts_end_and_the_last_one_tells(agent_host):
    job = agent_host.submit("sh", "-c", "echo fatal: number $DGOPS_ATTEMPT >&2; exit 1", retries=1)
    seen = agent_host.wait(job)
    assert (seen["status"], seen["attempt"], seen["first_failure"]) == ("failed", 2, "fatal: number 2")
    finished = agent_host.events(job)[-1]
    assert (finished["event"], finished["fields"]["attempt"]) == ("finished", 2)


def test_what_cannot_be_started_is_not_tried_again(agent_host):
    seen = agent_host.wait(agent_host.submit("no-such-program", retries=5))
    assert (seen["status"], seen["exit_code"], seen["failures"]) == ("failed", 127, [])


def test_a_cancel_between_two_attempts(agent_host):
    job = agent_host.submit("sh", "-c", "exit 1", retries=50)
    until = time.monotonic() + 20
    while len(named(agent_host, job, "attempt_failed")) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    agent_host.call("cancel", id=job)
    seen = agent_host.wait(job)
    assert (seen["status"], seen["reason"]) == ("cancelled", "cancelled between two attempts")
    assert len(named(agent_host, job, "finished")) == 1


STEPS = "i=0; while [ $i -lt 8 ]; do i=$((i+1)); echo step $i; sleep 0.3; done; "


def test_a_stall_is_told_and_by_default_nothing_more(agent_host):
    stall = {"times": 3, "least": 1.5, "stop": False}
    job = agent_host.submit("sh", "-c", STEPS + "sleep 4; echo again; sleep 1", stall=stall)
    until = time.monotonic() + 20
    while not (agent_host.show(job)["reason"] or "").startswith("stalled: ") and time.monotonic() < until:
        time.sleep(0.05)
    seen = agent_host.wait(job)
    assert (seen["status"], seen["reason"]) == ("succeeded", None)
    (stalled,), (again,) = named(agent_host, job, "stalled"), named(agent_host, job, "went_on")
    assert stalled["level"] == "warning"
    assert 1.5 <= stalled["fields"]["silent"] < 4
    assert stalled["seq"] < again["seq"]


def test_a_stall_stops_the_command_where_that_is_wanted_and_it_is_tried_again(agent_host):
    stall = {"times": 3, "least": 1.0, "stop": True}
    resume = ["sh", "-c", "echo resumed"]
    job = agent_host.submit("sh", "-c", STEPS + "sleep 300", stall=stall, retries=1, resume=resume)
    seen = agent_host.wait(job)
    assert (seen["status"], seen["attempt"]) == ("succeeded", 2)
    assert seen["failures"][0]["first_failure"].startswith("stalled: nothing was written for ")
    assert agent_host.log(job).endswith("step 8\nresumed\n")
    assert not processes_of(job)


def test_a_command_that_never_says_anything_is_told_of_where_that_is_wanted(agent_host):
    stall = {"times": 3, "least": 1.0, "from_start": True, "stop": True}
    seen = agent_host.wait(agent_host.submit("sleep", "300", stall=stall))
    assert (seen["status"], seen["reason"]) == ("failed", "it stalled, and was stopped")
    words = r"stalled: nothing was written for \d+ s; it uses 0 % of a core"
    assert re.fullmatch(words, seen["first_failure"])


def test_progress_becomes_events_and_leaves_one_line(agent_host):
    program = (
        "import time\nfor n in range(301): print(f'\\r{n}/300 token=abcdef', end='', flush=True); time.sleep(0.01)"
    )
    job = agent_host.submit(sys.executable, "-c", program + "\nprint()")
    agent_host.wait(job)
    assert agent_host.log(job) == "300/300 token=***\n"
    told = named(agent_host, job, "progress")
    assert 2 <= len(told) <= 12
    moments = [float(one["ts"][17:-1]) for one in told]
    assert all((two - one) % 60 >= 0.4 for one, two in itertools.pairwise(moments))
    assert told[-1]["msg"] == "300/300 token=***"
    assert [one["event"] for one in agent_host.events(job)][-2:] == ["progress", "finished"]


def test_a_supervisor_killed_between_two_attempts_leaves_a_lost_job(agent_host):
    job = agent_host.submit("sh", "-c", "exit 1", retries=50)
    until = time.monotonic() + 20
    while len(named(agent_host, job, "attempt_failed")) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(agent_host.status(job)["supervisor"]["pid"], signal.SIGKILL)
    seen = agent_host.wait(job)
    assert (seen["status"], seen["reason"], seen["attempt"]) == ("lost", "the agent's process is gone", 2)
    assert seen["beat"] >= seen["started"][:10]
    assert not named(agent_host, job, "finished")


def test_a_second_attempt_is_kept_as_the_first_one_was_when_the_supervisor_is_killed(agent_host):
    resume = ["sh", "-c", "setsid sleep 301 & echo up; sleep 302"]
    job = agent_host.submit("sh", "-c", "exit 1", retries=1, resume=resume)
    agent_host.wait_for_output(job, "up")
    os.kill(agent_host.status(job)["supervisor"]["pid"], signal.SIGKILL)
    until = time.monotonic() + 10
    while processes_of(job) and time.monotonic() < until:
        time.sleep(0.05)
    assert not processes_of(job)
    assert agent_host.show(job)["status"] == "lost"


def test_a_full_disk_ends_attempts_in_order(agent_host, small_disk):
    agent_host.base = small_disk / "dgops"
    program = "import sys\nfor n in range(200000): print('\\rline', n, end='\\n' if n % 2 else '')\nsys.exit(4)"
    job = agent_host.submit(sys.executable, "-c", program, retries=1)
    seen = agent_host.wait(job, seconds=60)
    assert (seen["status"], seen["exit_code"], seen["attempt"]) == ("failed", 4, 2)
    assert "could not be written: No space left on device" in seen["reason"]
    assert len(named(agent_host, job, "finished")) == 1
