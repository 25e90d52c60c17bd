"""A day with a pod: saves that are commits at once, edits that nothing throws away, and a pod that is lost at night."""

import json
import signal
import subprocess
import time

import pytest
from place import Place

from dgops.sandbox import hosts

pytestmark = pytest.mark.e2e
MAPS = {"api": "/app/api", "sudoers": "/etc/sudoers.d"}
ARTIFACTS = """[[sync.map]]
name = "out"
host = "pod"
host_path = "/app/out"
repo = "isengard"
local_path = "data"
kind = "artifacts"
"""
KEEPER = "cat /root/.cache/dgops/watch.lock"


class Day:
    """A repository with two maps on a deployed pod, in parity."""

    def __init__(self, place):
        self.place, self.repo = place, place.root / "isengard"
        rows = [
            f'[[sync.map]]\nname = "{name}"\nhost = "pod"\nhost_path = "{there}"\n'
            f'repo = "isengard"\nlocal_path = "{name}"\n'
            for name, there in MAPS.items()
        ]
        (place.root / "dgops.toml").write_text("\n".join(rows))
        (self.repo / "api").mkdir(parents=True)
        (self.repo / "api/main.py").write_text("one\n")
        (self.repo / "api/clock.py").write_text("tick\n")
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Ann")
        self.git("config", "user.email", "ann@example.org")
        (self.repo / "sudoers").mkdir()
        for name in self.there("ls /etc/sudoers.d").split():
            (self.repo / "sudoers" / name).write_text(self.there(f"cat /etc/sudoers.d/{name}"))
        self.commit("first")
        filled = self.dgops("sync", "--from", "local")
        assert filled.returncode == 0, filled.stderr

    def git(self, *argv):
        done = subprocess.run(["git", "-C", self.repo, *argv], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, message):
        self.git("add", "-A")
        self.git("commit", "-qm", message)

    def dgops(self, *argv):
        return self.place.dgops(*argv)

    def there(self, command):
        return self.place.on("pod", command)

    def keeper(self):
        """Return the number of the process that spools, None where there is none."""
        pid = json.loads(self.there(f"{KEEPER} 2>/dev/null || echo '{{}}'")).get("pid")
        return pid if pid and "spool" in self.there(f"test -d /proc/{pid} && echo spool || true") else None


@pytest.fixture(scope="module")
def day(stock, tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("story"))
    try:
        stock.give(place)
        yield Day(place)
    finally:
        place.down()


def until(condition, seconds=90, what="not in time"):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, what
        time.sleep(0.2)
    return found


def test_while_it_watches_every_save_is_a_commit_and_every_commit_is_there(day):
    table, code = day.place.root / "dgops.toml", (day.place.root / "dgops.toml").read_text()
    table.write_text(f"{code}\n{ARTIFACTS}")
    (day.repo / ".gitignore").write_text("/data/\n")
    day.commit("artifacts are not committed")
    watching = day.place.start("sync", "--watch")
    try:
        time.sleep(2)
        day.there("mkdir -p /app/out; echo weights >/app/out/step1.safetensors; chmod -R a+rX /app")
        made = day.repo / "data/step1.safetensors"
        until(lambda: made.exists() and made.read_text() == "weights\n")
        day.there("echo two >>/app/api/main.py; echo new >/app/api/new.py")
        until(lambda: "two" in day.git("show", "HEAD:api/main.py"))
        assert day.git("show", "HEAD:api/new.py") == "new"
        assert "pod: " in day.git("log", "-1", "--format=%s")
        (day.repo / "api/clock.py").write_text("tock\n")
        day.commit("made at home")
        until(lambda: day.there("cat /app/api/clock.py") == "tock\n")
    finally:
        watching.send_signal(signal.SIGINT)
        output, errors = watching.communicate(timeout=60)
        table.write_text(code)
    assert watching.returncode == 130, errors
    assert "committed" in output
    assert "isengard/data   1 of 1 artifacts came home" in output
    assert day.git("status", "--porcelain") == ""
    assert day.dgops("sync", "--status").returncode == 0


def test_a_pod_with_an_edit_is_not_taken_down(day):
    day.there("echo three >>/app/api/main.py")
    refused = day.dgops("sandbox", "down")
    assert refused.returncode == 1
    assert "pod: ending it throws away what is nowhere else:\n  M api/main.py" in refused.stderr
    assert "dgops sync --host pod" in refused.stderr
    asked = day.dgops("sandbox", "down", "--discard")
    assert asked.returncode == 1
    assert "its name was not typed" in asked.stderr
    assert day.there("tail -n1 /app/api/main.py") == "three\n"


def test_a_deploy_that_would_write_over_an_edit_is_refused_and_any_other_is_not(day):
    assert day.dgops("deploy", "--host", "pod", "--role", "git_ssh").returncode == 0
    day.there("echo '# mine' >>/etc/sudoers.d/seanf")
    refused = day.dgops("deploy", "--host", "pod")
    assert refused.returncode == 1, refused.stdout
    assert "deploying there writes over what is nowhere else:" in refused.stderr
    assert "M sudoers/seanf" in refused.stderr
    assert "# mine" in day.there("cat /etc/sudoers.d/seanf")
    assert day.dgops("sync").returncode == 0
    assert "# mine" in day.git("show", "HEAD:sudoers/seanf")
    mended = day.dgops("deploy", "--host", "pod")
    assert mended.returncode == 0, mended.stderr
    assert "# mine" not in day.there("cat /etc/sudoers.d/seanf")
    assert day.dgops("sync").returncode == 0


def test_a_job_starts_the_keeper_again(day):
    keeper = until(day.keeper)
    day.there(f"kill -9 {keeper}")
    until(lambda: day.keeper() is None)
    assert day.dgops("run", "--host", "pod", "--", "true").returncode == 0
    assert until(day.keeper) != keeper


def test_a_pod_that_is_lost_at_night_gives_back_what_was_spooled(day):
    assert day.dgops("sync").returncode == 0
    day.there("echo 'at night' >>/app/api/main.py; mkdir /app/api/made; echo made >/app/api/made/x.py")
    day.there("rm /app/api/clock.py")
    listed = "cat /workspace/dgops-spool/*/edits.json 2>/dev/null || true"
    until(lambda: "made/x.py" in day.there(listed) and "clock.py" in day.there(listed), what="nothing was spooled")
    before = day.git("rev-parse", "HEAD")
    hosts.stop("pod", day.place.settings, grace=0)
    hosts.start("pod", day.place.settings)
    fresh = day.dgops("sync")
    assert fresh.returncode == 1
    assert "--from-spool" in fresh.stderr, fresh.stderr
    done = day.dgops("sync", "--from-spool", "--allow-deletes")
    assert done.returncode == 0, done.stderr
    assert "up to 30 s before its end may be lost" in done.stderr
    assert "at night" in day.git("show", "HEAD:api/main.py")
    assert day.git("show", "HEAD:api/made/x.py") == "made"
    assert "api/clock.py" not in day.git("ls-tree", "--name-only", "HEAD", "api/")
    assert day.git("merge-base", "--is-ancestor", before, "HEAD") == ""
    assert "at night" in day.there("cat /app/api/main.py")
    assert day.there(listed) == ""


def test_what_was_done_is_in_the_log_under_one_id_for_each_command(day):
    lines = [json.loads(line) for line in day.dgops("logs", "--json", "--level", "debug").stdout.splitlines()]
    synced = [line for line in lines if line["event"] == "sync.over" and line["message"] == "sync pulled"]
    assert synced
    mine = day.dgops("logs", "--correlation", synced[-1]["correlation_id"][:12], "--level", "debug").stdout
    assert [word for word in ("command.start", "host.run", "sync.over", "command.end") if word not in mine] == []
    assert "exit 1" in day.dgops("logs", "--level", "warning", "--since", "1h").stdout
