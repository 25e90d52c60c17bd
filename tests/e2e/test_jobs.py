"""Jobs on a real pod: sent, followed through cuts, let go of, cancelled, lost with their evidence, brought home."""

import hashlib
import json
import signal
import time
import zipfile

import pytest
from soak import many

from dgops.sandbox import faults

pytestmark = pytest.mark.e2e
TOKEN = "hf_dgopsTestTokenThatNobodyHas0123"
COUNT = ("sh", "-c", "i=0; while [ $i -lt 240 ]; do i=$((i+1)); echo line $i; sleep 0.05; done")
SLEEP = ("sh", "-c", "echo begun; sleep 300")
KEYS = {"id", "host", "kind", "status", "created", "started", "finished", "exit_code", "first_failure"}


@pytest.fixture
def place(ready):
    return ready


def detach(place, *command, options=()):
    done = place.dgops("run", "--host", "pod", "--detach", *options, "--", *command)
    assert done.returncode == 0, done.stderr
    assert f"hint: dgops jobs follow {done.stdout.strip()}" in done.stderr
    return done.stdout.strip()


def shown(place, job):
    code, found = place.json("jobs", "show", job)
    assert code == 0
    return found


def wait_until(look, seconds=20):
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def following(place, *argv):
    """Start dgops with its output into a file, and return both once the job's first line is there."""
    path = place.root / "output.txt"
    with path.open("w") as target:
        process = place.start(*argv, stdout=target)
    wait_until(lambda: path.stat().st_size or process.poll() is not None)
    return process, path


class TestOnePod:
    """One pod's story, in order."""

    def test_inputs_outputs_environment(self, place):
        folder = place.root / "pictures"
        (folder / "deep").mkdir(parents=True)
        for name in ("a.jpg", "deep/b.jpg"):
            (folder / name).write_bytes(name.encode() * 100_000)
        (place.root / "big.bin").write_bytes(bytes(range(256)) * 80_000)
        script = (
            "echo $WORD; echo oops >&2; mkdir results; cp -r pictures big.bin results/; ln -s /etc/passwd results/x"
        )
        argv = ["--input", "pictures", "--input", "big.bin", "--output", "results", "--env", "WORD=märz"]
        done = place.dgops("run", "--host", "pod", *argv, "--", "sh", "-c", script)
        assert (done.returncode, done.stdout) == (0, "märz\n"), done.stderr
        assert "oops" in done.stderr
        assert "upload       3 files" in done.stderr
        assert "results/x (a symbolic link)" in done.stderr
        for name in ("pictures/a.jpg", "pictures/deep/b.jpg", "big.bin"):
            assert (place.root / "results" / name).read_bytes() == (place.root / name).read_bytes()
        (folder / "a.jpg").unlink()
        listing = ("--json", "--output", "list", "--", "sh", "-c", "ls pictures > list")
        again = json.loads(place.dgops("run", "--host", "pod", *argv[:2], *listing).stdout)
        assert set(again) == KEYS | {"outputs"}
        assert (place.root / "list").read_text() == "deep\n", "the mirror equals the source"
        digest = hashlib.sha256(b"deep\n").hexdigest()
        assert again["outputs"] == [{"path": "list", "sha256": digest, "size": 5}]

    def test_a_recipe(self, place):
        folder = place.root / "recipes"
        folder.mkdir()
        (folder / "count.py").write_text("import os; open('n.txt', 'w').write(os.environ['N'] * 3)")
        recipe = {"kind": "script", "command": ["python3", "count.py"], "inputs": ["count.py"], "outputs": ["n.txt"]}
        (folder / "count.yml").write_text(json.dumps({**recipe, "env": {"N": "7"}}))
        done = place.dgops("run", "recipes/count.yml", "--host", "pod")
        assert done.returncode == 0, done.stderr
        assert (folder / "n.txt").read_text() == "777"
        (folder / "wrong.yml").write_text("kind: script\ncomand: ls\ngpus: x\n")
        done = place.dgops("run", "recipes/wrong.yml", "--host", "pod")
        assert done.returncode == 2
        assert "3 mistakes" in done.stderr

    @pytest.mark.parametrize(
        ("command", "words"),
        [
            (["dgops-no-such-program", "x"], "dgops-no-such-program: command not found"),
            (["python3", "-c", "import nothing_of_this_name"], "ModuleNotFoundError: No module named"),
            (["sh", "-c", "exit 3"], "exit 3"),
        ],
    )
    def test_what_fails(self, place, command, words):
        done = place.dgops("run", "--host", "pod", "--output", "never", "--", *command)
        assert done.returncode == 1
        assert words in done.stderr
        assert "hint: dgops jobs show" in done.stderr

    def test_detach_follow_cancel(self, place):
        job = detach(place, *SLEEP)
        code, rows = place.json("jobs", "list")
        assert (code, rows[0]["id"], rows[0]["status"]) == (0, job, "running")
        assert all(set(row) == KEYS for row in rows)
        follower, _ = following(place, "jobs", "follow", job[:6])
        done = place.dgops("jobs", "cancel", job)
        assert (done.returncode, "cancelled" in done.stdout) == (0, True), done.stderr
        follower.communicate(timeout=30)
        assert follower.returncode == 1
        assert place.dgops("jobs", "cancel", job).returncode == 0

    def test_ctrl_c_detaches_and_the_job_goes_on(self, place):
        argv = ("run", "--host", "pod", "--output", "end", "--", "sh", "-c", "echo a; sleep 3; echo b; echo c > end")
        process, _ = following(place, *argv)
        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=20)
        assert process.returncode == 0, words
        assert "detached: the job goes on" in words
        job = words.split("dgops jobs follow ")[1].split()[0]
        assert shown(place, job)["status"] == "running"
        done = place.dgops("jobs", "follow", job)
        assert (done.returncode, done.stdout) == (0, "a\nb\n"), done.stderr
        assert (place.root / "end").read_text() == "c\n"
        (place.root / "end").write_text("edited here\n")
        assert place.dgops("jobs", "follow", job).returncode == 0
        assert (place.root / "end").read_text() == "edited here\n", "following again undoes no edit"
        assert place.dgops("jobs", "pull", job).returncode == 0
        assert (place.root / "end").read_text() == "c\n"

    def test_cut_connections_lose_and_double_nothing(self, place):
        process, output = following(place, "run", "--host", "pod", "--", *COUNT)
        place.on("pod", "(sleep 1; pkill -KILL -f 'sshd.*: root@notty') > /dev/null 2>&1 < /dev/null & sleep 0.1")
        time.sleep(4)
        faults.partition("pod", place.settings)
        time.sleep(4)
        faults.heal("pod", place.settings)
        _, words = process.communicate(timeout=90)
        assert process.returncode == 0, words
        assert output.read_text() == "".join(f"line {number}\n" for number in range(1, 241))
        assert "trying again" in words
        assert "connected again" in words

    def test_a_secret_is_seen_by_the_command_only(self, place):
        place.env["HF_TOKEN"] = TOKEN
        script = f"test $HF_TOKEN = {TOKEN[:10]}${{REST}} && echo token $HF_TOKEN; sleep 4"
        options = ("--env", "HF_TOKEN", "--env", f"REST={TOKEN[10:]}")
        job = detach(place, "sh", "-c", script, options=options)
        seen = place.on("pod", f"cat /proc/[0-9]*/cmdline | tr '\\0' ' '; grep -r '' /workspace/dgops/jobs/{job} 2>&1")
        del place.env["HF_TOKEN"]
        assert job in seen
        assert TOKEN not in seen
        done = place.dgops("jobs", "follow", job)
        assert done.returncode == 0, "the command had its value"
        assert TOKEN not in done.stdout + done.stderr
        assert "REDACTED" in done.stdout
        assert place.on("pod", f"grep -rl {TOKEN} /workspace/dgops /tmp /run 2>/dev/null; true") == ""
        assert TOKEN not in (place.root / f".dgops/jobs/{job}.json").read_text()
        missing = place.dgops("run", "--host", "pod", "--env", "HF_TOKEN", "--", "true")
        assert (missing.returncode, "HF_TOKEN" in missing.stderr) == (2, True)

    def test_a_killed_agent_is_lost(self, place):
        job = detach(place, *SLEEP)
        status = json.loads(place.on("pod", f"cat /workspace/dgops/jobs/{job}/status.json"))
        place.on("pod", f"kill -KILL {status['supervisor']['pid']}")
        done = place.dgops("jobs", "follow", job)
        assert done.returncode == 1
        assert "the agent's process is gone" in done.stderr
        place.dgops("jobs", "cancel", job)
        wait_until(lambda: "sleep 300" not in place.on("pod", "ps -eo args"))

    def test_what_is_written_comes_home_while_it_runs(self, place):
        script = (
            "mkdir checkpoints; head -c 3000000 /dev/urandom > checkpoints/one.bin; exec 3> checkpoints/two.bin;"
            " echo half >&3; while [ ! -e /tmp/go-on ]; do sleep 0.2; done; echo whole >&3"
        )
        argv = ("run", "--host", "pod", "--output", "checkpoints", "--", "sh", "-c", script)
        process = place.start(*argv)
        home = place.root / "checkpoints"
        wait_until((home / "one.bin").exists, 60)
        (job,) = [row["id"] for row in place.json("jobs", "list")[1] if row["status"] == "running"]
        there = place.on("pod", f"sha256sum /workspace/dgops/jobs/{job}/work/checkpoints/one.bin").split()[0]
        assert hashlib.sha256((home / "one.bin").read_bytes()).hexdigest() == there
        assert [path.name for path in home.iterdir()] == ["one.bin"]
        done = place.dgops("jobs", "pull", job)
        assert (done.returncode, "1 file, 3.0 MB verified" in done.stdout) == (0, True), done.stderr
        place.on("pod", "touch /tmp/go-on")
        _, words = process.communicate(timeout=60)
        assert process.returncode == 0, words
        assert "home         checkpoints/one.bin" in words
        assert (home / "two.bin").read_text() == "half\nwhole\n"

    def test_attempts_bundle_and_the_first_error(self, place):
        recipe = {"kind": "script", "command": "echo first; echo 'ValueError: once' >&2; exit 3", "stall": "stop"}
        resume = {"resume": "echo resumed $DGOPS_ATTEMPT; echo 'RuntimeError: in /home/seanf/x' >&2; exit 4"}
        (place.root / "tries.yml").write_text(json.dumps({**recipe, **resume}))
        done = place.dgops("run", "tries.yml", "--host", "pod", "--retries", "1", "--json")
        assert done.returncode == 1
        assert "attempt 1 of 2 failed: ValueError: once" in done.stderr
        job = json.loads(done.stdout)["id"]
        found = shown(place, job)
        assert (found["attempt"], found["attempts"], found["exit_code"]) == (2, 2, 4)
        assert found["failures"] == [{"attempt": 1, "exit_code": 3, "first_failure": "ValueError: once"}]
        assert place.dgops("jobs", "show", job, "--show-error").stdout == "RuntimeError: in /[HOME]/x\n"
        code, made = place.json("jobs", "bundle", job)
        assert code == 0
        with zipfile.ZipFile(made["path"]) as archive:
            assert archive.read("stdout.log") == b"first\nresumed 2\n"
            everything = b"".join(archive.read(name) for name in archive.namelist())
            machine = json.loads(archive.read("environment.json"))["host"]
        assert b"/home/seanf" not in everything
        assert "Debian" in machine["os"]

    def test_a_log_that_is_too_long_keeps_its_ends(self, place):
        job = detach(place, "sh", "-c", f"echo first; yes {'x' * 99} | head -c {many(70_000_000)}; echo; echo last")
        wait_until(lambda: shown(place, job)["status"] == "succeeded", 300)
        folder = f"/workspace/dgops/jobs/{job}"
        assert int(place.on("pod", f"cat {folder}/stdout.log* | wc -c")) < 68_000_000
        assert place.on("pod", f"head -n 1 {folder}/stdout.log").strip() == "first"
        code, made = place.json("jobs", "bundle", job)
        assert code == 0
        with zipfile.ZipFile(made["path"]) as archive:
            assert archive.read("stdout.log").endswith(b"\nlast\n")
