"""Time alternatives by turns, keep the figures, and write the tables of README.md from them."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
FIGURES = HERE / "figures.json"
README = HERE / "README.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


@dataclass(frozen=True)
class Aim:
    """`ours` of a row takes at most `factor` times what `theirs` takes; without `theirs`, at most that many seconds."""

    row: str
    ours: str
    theirs: str
    factor: float

    def ratio(self, figures):
        row = figures["rows"].get(self.row, {})
        if self.ours not in row or (self.theirs and self.theirs not in row):
            return None
        return row[self.ours]["median"] / (row[self.theirs]["median"] if self.theirs else 1)


TITLES = {
    "deploy-one": "unchanged deploy, 1 host",
    "deploy-ten": "unchanged deploy, 10 hosts",
    "tampered": "one file tampered",
    "cold": "cold deploy, same caches",
    "venv": "venv of 64 distributions from a folder of wheels, offline",
    "attest": "attest that venv",
    "hosts-50": "health of 50 hosts",
    "sync-status": "status of 10,000 files, nothing changed",
    "sync-one": "one file of 10,000 changed on the host → committed",
    "sync-small": "1,000 small files changed on the host → committed",
    "sync-watch": "`--watch`: saved on the host → committed at home",
    "pull-2gb": "2 GB checkpoint pulled",
    "pull-again": "again with nothing to do",
    "job-line": "line printed on the host → shown",
    "job-output": "100 MB of output of a job, redacted into its log: CPU time",
    "job-flood": "1.6 GB of output out of a real job",
    "job-catch-up": "50 MB of a job's log, followed late",
    "job-cpu": "agent's CPU time in 100 s of a CPU-bound job",
    "train-steps": "500 steps of a training",
    "train-cpu": "CPU time beside the trainer in 100 s of a training, on its host",
    "train-line": "step printed by a trainer → its line shown",
    "train-ship": "a set of 2,000 files, which the host has, sent again",
}
AIMS = (
    Aim("deploy-one", "dgops deploy", "ssh host python3 -c pass", 3),
    Aim("deploy-one", "dgops deploy", "ansible-playbook", 1 / 20),
    Aim("deploy-one", "dgops deploy", "pyinfra", 1 / 3),
    Aim("deploy-ten", "dgops deploy, 10 hosts", "dgops deploy, 1 host", 2.5),
    Aim("tampered", "dgops deploy", "dgops deploy, whole", 1 / 4),
    Aim("cold", "dgops deploy", "ansible-playbook", 1 / 2),
    Aim("venv", "dgops", "pip", 1 / 10),
    Aim("venv", "dgops", "uv pip sync", 1.3),
    Aim("attest", "dgops", "", 1),
    Aim("hosts-50", "dgops health", "ansible -m ping", 1 / 10),
    Aim("hosts-50", "dgops health", "pyinfra fact server.Hostname", 1),
    Aim("sync-status", "dgops sync --status", "rsync -n", 1),
    Aim("sync-one", "dgops sync", "", 1),
    Aim("sync-small", "dgops sync", "rsync, git add, git commit", 1.5),
    Aim("sync-watch", "dgops sync --watch", "", 2),
    Aim("pull-2gb", "dgops sync", "scp", 1 / 0.8),
    Aim("pull-again", "dgops sync", "", 0.3),
    Aim("job-line", "dgops run", "", 0.15),
    Aim("job-output", "dgops agent", "", 2),
    Aim("job-flood", "dgops agent", "", 32),
    Aim("job-catch-up", "dgops jobs follow", "dgops jobs follow, before", 1 / 4),
    Aim("job-catch-up", "dgops jobs follow", "ssh host cat", 4),
    Aim("job-cpu", "dgops agent", "", 1),
    Aim("train-steps", "dgops run train", "the trainer alone", 1.01),
    Aim("train-cpu", "dgops, detached", "", 1),
    Aim("train-cpu", "dgops, followed", "", 1),
    Aim("train-line", "dgops run train", "", 0.3),
    Aim("train-ship", "dgops", "", 1),
)


@dataclass(frozen=True)
class Contender:
    """One way to do the work; `prepare` runs before each turn and is not timed."""

    name: str
    work: object
    prepare: object = lambda: None


def arguments(rows):
    """Read the command line of a benchmark: how often, and which of its rows."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"which to measure (default: all of {', '.join(rows)})")
    parser.add_argument("--rounds", type=int, default=5, help="medians of how many (default 5)")
    given = parser.parse_args()
    strangers = set(given.rows) - set(rows)
    if strangers:
        parser.error(f"no row is named {', '.join(sorted(strangers))}")
    given.rows = given.rows or list(rows)
    return given


def by_turns(contenders, rounds):
    """Time each in turn, A B C A B C, after one round that warms up and does not count; a median hides one bad turn."""
    seconds = {one.name: [] for one in contenders}
    for turn in range(rounds + 1):
        for one in contenders:
            one.prepare()
            started = time.monotonic()
            one.work()
            took = time.monotonic() - started
            print(f"  {'warm-up' if turn == 0 else f'{turn}/{rounds}':<8}{one.name:<44}{took:9.3f} s", flush=True)
            if turn:
                seconds[one.name].append(round(took, 4))
    return seconds


def run(argv, timeout=1800, good=(0,), told=b"", **more):
    """Run a program to its end; a wrong end ends the benchmark with the program's own words."""
    done = subprocess.run([str(word) for word in argv], capture_output=True, input=told, timeout=timeout, **more)
    if done.returncode not in good:
        words = (done.stdout + done.stderr).decode(errors="replace").strip()
        sys.exit(f"{' '.join(str(word) for word in argv[:4])} ended with exit {done.returncode}:\n{words[-3000:]}")
    return done


def environment(home):
    """Return the environment of every contender: a home of its own, no settings of ours, bytecode kept as anywhere."""
    dropped = ("DGOPS_", "ANSIBLE_", "PYTHONDONTWRITEBYTECODE", "PYINFRA_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
    return {**kept, "HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}", "NO_COLOR": "1"}


def keep(row, seconds):
    """Enter a row's figures and write the tables anew."""
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {"rows": {}}
    figures["machine"] = f"{os.cpu_count()} cores, Linux {platform.machine()}, Python {platform.python_version()}"
    figures["rows"][row] = {name: {"median": statistics.median(runs), "runs": runs} for name, runs in seconds.items()}
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n")
    before, _, rest = README.read_text().partition(BEGIN)
    README.write_text(f"{before}{BEGIN}\n{tables(figures)}\n{END}{rest.partition(END)[2]}")


def tables(figures):
    """Return the table of the aims, and under it every figure."""
    lines = ["| work | dgops | compared with | ratio | aim | holds |", "|---|---|---|---|---|---|"]
    lines += [line for aim in AIMS if (line := _aim_line(aim, figures))]
    lines += ["", f"Every figure: seconds, medians ({figures['machine']}).", "", "| row | contender | median | runs |"]
    lines += ["|---|---|---|---|"]
    for row in sorted(figures["rows"], key=_order):
        for name, figure in figures["rows"][row].items():
            runs = " ".join(f"{one:.2f}" for one in figure["runs"])
            lines.append(f"| {row} | {name} | {figure['median']:.2f} | {runs} |")
    return "\n".join(lines)


def _aim_line(aim, figures):
    ratio = aim.ratio(figures)
    if ratio is None:
        return ""
    row = figures["rows"][aim.row]
    theirs = f"{aim.theirs}: {row[aim.theirs]['median']:.2f} s" if aim.theirs else "-"
    limit = f"≤ {_factor(aim.factor)}" if aim.theirs else f"≤ {aim.factor:g} s"
    shown = f"{ratio:.2f}" if ratio >= 0.1 else f"1/{1 / ratio:.0f}"
    holds = "yes" if ratio <= aim.factor else "**no**"
    ours = f"{row[aim.ours]['median']:.2f} s"
    return f"| {TITLES[aim.row]} | {ours} | {theirs} | {shown if aim.theirs else '-'} | {limit} | {holds} |"


def _factor(factor):
    return f"{factor:g}" if factor >= 1 else f"1/{1 / factor:.0f}"


def _order(row):
    name, _, number = row.partition("-")
    return list(TITLES).index(row) if row in TITLES else len(TITLES), name, number.zfill(4)
