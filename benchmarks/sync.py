"""Double-apply against rsync, git and scp: status, one file, a thousand, a save seen at home, a checkpoint pulled."""

import contextlib
import os
import signal
import statistics
import subprocess
import time

from measure import Contender, arguments, by_turns, keep, run
from place import BIN, place

HOST = "bench01"
FILES, SMALL = 10_000, 1_000
CHECKPOINT = 2 << 30


class Desk:
    """A repository of ten thousand files whose folder is mapped to a pod, in parity; and a folder for rsync."""

    def __init__(self, here):
        self.here, self.repo = here, here.root / "isengard"
        table(here.root, "src", "/app/src", "src")
        for number in range(FILES):
            path = self.repo / "src" / f"p{number // 100:03}" / f"m{number:05}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"NUMBER = {number}\n" * 20)
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Bench")
        self.git("config", "user.email", "bench@example.org")
        self.git("add", "-A")
        self.git("commit", "-qm", "first")
        here.dgops("sync", "--host", HOST, "--from", "local")
        # Younger than two seconds a file is read again: it could change unseen.
        time.sleep(3)
        here.dgops("sync", "--host", HOST)
        self.count = 0

    def git(self, *argv):
        return run(["git", "-C", self.repo, *argv], env=self.here.environment).stdout.decode().strip()

    def there(self, command):
        return self.here.ssh(HOST, "sh", "-c", command).stdout.decode()

    def rsync(self, *argv):
        line = self.here.ssh_line(HOST)
        *options, target = line[1:]
        rsh = " ".join(["ssh", *options])
        return run(
            ["rsync", "-a", "-e", rsh, f"{target}:/app/src/", f"{self.repo}/src/", *argv], env=self.here.environment
        )

    def edit(self, many):
        """Change files on the pod; each round writes something new."""
        self.count += 1
        text = f"ROUND = {self.count}\n"
        self.there(
            f"cd /app/src && i=0; while [ $i -lt {many} ]; do n=$(printf %05d $i); "
            f"echo '{text.strip()}' >> p$(printf %03d $((i / 100)))/m$n.py; i=$((i + 1)); done"
        )

    def commit_by_hand(self):
        self.rsync()
        self.git("add", "-A")
        self.git("commit", "-qm", "by hand")

    def settle(self):
        self.here.dgops("sync", "--host", HOST)


def table(root, name, there, local, more=""):
    """Write a dgops.toml with one map."""
    text = f'[[sync.map]]\nname = "{name}"\nhost = "{HOST}"\nhost_path = "{there}"\nrepo = "isengard"\n'
    (root / "dgops.toml").write_text(f'{text}local_path = "{local}"\n{more}')


def status(desk, rounds):
    contenders = [
        Contender("dgops sync --status", lambda: desk.here.dgops("sync", "--host", HOST, "--status")),
        Contender("rsync -n", lambda: desk.rsync("-n", "--delete")),
    ]
    keep("sync-status", by_turns(contenders, rounds))


def one(desk, rounds):
    contenders = [
        Contender("dgops sync", lambda: desk.here.dgops("sync", "--host", HOST), lambda: desk.edit(1)),
    ]
    keep("sync-one", by_turns(contenders, rounds))


def small(desk, rounds):
    def agreed_and_edited():
        # What rsync brought home is committed on both sides now; without this it would be a conflict, and rightly.
        desk.settle()
        desk.edit(SMALL)

    contenders = [
        Contender("dgops sync", lambda: desk.here.dgops("sync", "--host", HOST), agreed_and_edited),
        Contender("rsync, git add, git commit", desk.commit_by_hand, lambda: desk.edit(SMALL)),
    ]
    seconds = by_turns(contenders, rounds)
    desk.settle()
    keep("sync-small", seconds)


def watch(desk, rounds):
    """From a save on the pod to the commit at home, as long as it takes git to know it."""
    argv = [BIN / "dgops", "sync", "--host", HOST, "--watch"]
    watching = subprocess.Popen(argv, cwd=desk.here.root, env=desk.here.environment)
    seconds = []
    try:
        time.sleep(4)
        for turn in range(rounds + 1):
            before = desk.git("rev-parse", "HEAD")
            desk.edit(1)
            started = time.monotonic()
            while desk.git("rev-parse", "HEAD") == before:
                time.sleep(0.02)
            took = time.monotonic() - started
            print(f"  {turn}/{rounds}     save to commit {took:9.3f} s", flush=True)
            seconds += [round(took, 4)] if turn else []
            time.sleep(3)
    finally:
        watching.send_signal(signal.SIGTERM)
        watching.wait(60)
    keep("sync-watch", {"dgops sync --watch": seconds})


def checkpoint(desk, rounds):
    """A checkpoint of 2 GB as an artifact, against scp; and again with nothing to do."""
    root, data = desk.here.root, desk.repo / "data"
    (desk.repo / ".gitignore").write_text("/data/\n")
    made = "/app/out/model.safetensors"
    # Older than what is still being written.
    writing = f"head -c {CHECKPOINT} /dev/urandom >{made}; touch -d '1 minute ago' {made}"
    desk.there(f"mkdir -p /app/out && {writing}; chmod -R a+rX /app")
    before = (root / "dgops.toml").read_text()
    table(root, "out", "/app/out", "data", 'kind = "artifacts"\n')

    def away():
        for path in data.glob("*") if data.exists() else ():
            path.unlink()
        (data / ".dgops-manifest.json").unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(root / "copy")

    line = desk.here.ssh_line(HOST)
    options, target, port = line[1:-3], line[-1], line[-2]
    scp = ["scp", "-q", *options, "-P", port, f"{target}:{made}", root / "copy"]
    contenders = [
        Contender("dgops sync", lambda: desk.here.dgops("sync", "--host", HOST), away),
        Contender("scp", lambda: run(scp, env=desk.here.environment), away),
    ]
    keep("pull-2gb", by_turns(contenders, min(rounds, 3)))
    desk.here.dgops("sync", "--host", HOST)
    keep("pull-again", by_turns([Contender("dgops sync", lambda: desk.here.dgops("sync", "--host", HOST))], rounds))
    (root / "dgops.toml").write_text(before)


def line(desk, rounds):
    """From a line that a job prints on the pod to the line on the terminal here, by one clock."""
    program = "import time\nfor _ in range(40):\n print(repr(time.time()), flush=True); time.sleep(0.25)"
    following = subprocess.Popen(
        [BIN / "dgops", "run", "--host", HOST, "--", "python3", "-c", program],
        cwd=desk.here.root,
        env=desk.here.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    late = []
    for text in following.stdout:
        with contextlib.suppress(ValueError):
            late.append(round(time.time() - float(text.split()[-1]), 4))
    following.wait(60)
    print(f"  {len(late)} lines, median {statistics.median(late):.3f} s")
    # All of them: how late a line is depends on when the follower last looked.
    keep("job-line", {"dgops run": late})


def cpu(desk, rounds):
    """What the job's supervisor and the keeper of edits take of a core while a job computes, in seconds of 100."""
    program = "import time\nend = time.time() + 90\nwhile time.time() < end: pass"
    desk.here.dgops("run", "--host", HOST, "--detach", "--", "python3", "-c", program)
    time.sleep(5)
    # Fields 14 and 15 of stat are a process's own ticks, a hundredth of a second each.
    ticks = "for p in /proc/[0-9]*; do "
    ticks += "grep -qa 'pyz' $p/cmdline 2>/dev/null && awk '{print $14 + $15}' $p/stat; done"
    seconds = []
    for _ in range(rounds):
        before = sum(map(int, desk.there(ticks).split()))
        time.sleep(12)
        after = sum(map(int, desk.there(ticks).split()))
        seconds.append(round((after - before) / 100 / 12 * 100, 4))
    print(f"  agent: {seconds} s of 100")
    keep("job-cpu", {"dgops agent": seconds})


ROWS = {
    "sync-status": status,
    "sync-one": one,
    "sync-small": small,
    "sync-watch": watch,
    "pull-2gb": checkpoint,
    "job-line": line,
    "job-cpu": cpu,
}


def main():
    given = arguments(ROWS)
    with place() as here:
        here.up(HOST)
        here.dgops("deploy", "--host", HOST)
        desk = Desk(here)
        for row in given.rows:
            print(row)
            ROWS[row](desk, given.rounds)


if __name__ == "__main__":
    main()
