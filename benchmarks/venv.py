"""A venv of 64 distributions made from a folder of wheels, offline: dgops, pip, uv; and the attesting of it."""

import base64
import hashlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from measure import HERE, Contender, arguments, by_turns, environment, keep, run

from dgops.transport import agent

DISTRIBUTIONS = 64
FILES = 160
VERSION = "1.0"


class Bench:
    """A folder with wheels and their lock; venvs come and go beside them."""

    def __init__(self, root):
        self.root = root
        self.wheels = root / "wheels"
        self.wheels.mkdir()
        (root / "home").mkdir()
        self.uv = Path(sys.executable).parent / "uv"
        self.lock = root / "lock.txt"
        self.lock.write_text("".join(wheel(self.wheels, number) for number in range(DISTRIBUTIONS)))
        self.environment = environment(root / "home")
        self.agent = root / "agent.pyz"
        self.agent.write_bytes(agent.archive())

    def run(self, *argv, told=b"", **more):
        return run(argv, env={**self.environment, **more}, cwd=self.root, told=told)

    def clear(self, name):
        shutil.rmtree(self.root / name, ignore_errors=True)

    def pip(self, name):
        self.run(sys.executable, "-m", "venv", name)
        options = ["--no-index", "--find-links", self.wheels, "--require-hashes", "-r", self.lock]
        self.run(self.root / name / "bin" / "python", "-m", "pip", "install", "--quiet", *options)

    def uv_sync(self, name, cache):
        common = ["--quiet", "--no-config", "--offline", "--cache-dir", self.root / cache]
        self.run(self.uv, "venv", *common, "--python", sys.executable, name)
        options = ["--no-index", "--find-links", self.wheels, "--require-hashes", "--python", f"{name}/bin/python"]
        self.run(self.uv, "pip", "sync", *common, *options, self.lock)

    def dgops(self, name, check=False):
        """Make a venv, or look at one, by the very program that a deploy runs on a host."""
        request = {
            "cache": str(self.wheels),
            "uv": {"path": str(self.uv), "lock": (HERE.parent / "locks" / "uv.txt").read_text()},
            "venvs": [{"path": str(self.root / name), "lock": str(self.lock)}],
            "check": check,
        }
        answer = json.loads(self.run(sys.executable, self.agent, "venv", told=json.dumps(request).encode()).stdout)
        return {kind: done for kind, done in answer["venvs"][str(self.root / name)].items() if done}


def wheel(folder, number):
    """Write one wheel of small modules; returns its line of the lock."""
    name = f"sample{number:02}"
    rng = random.Random(number)
    info = f"{name}-{VERSION}.dist-info"
    texts = {f"{name}/__init__.py": "", f"{name}/data/__init__.py": ""}
    for part in range(FILES - 5):
        body = "\n".join(f"NUMBER_{line} = {rng.random()}" for line in range(rng.randrange(5, 120)))
        texts[f"{name}/{'data/' if part % 2 else ''}part{part:03}.py"] = body + "\n"
    texts[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {VERSION}\n"
    texts[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: sample\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    rows = [f"{path},sha256={_digest(text)},{len(text)}" for path, text in texts.items()]
    texts[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
    place = folder / f"{name}-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in texts.items():
            archive.writestr(path, text)
    return f"{name}=={VERSION} --hash=sha256:{hashlib.sha256(place.read_bytes()).hexdigest()}\n"


def _digest(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def venv(bench, rounds):
    contenders = [
        Contender("dgops", lambda: bench.dgops("ours"), lambda: bench.clear("ours")),
        Contender("pip", lambda: bench.pip("pip"), lambda: bench.clear("pip")),
        Contender(
            "uv pip sync",
            lambda: bench.uv_sync("bare", "cache-bare"),
            lambda: (bench.clear("bare"), bench.clear("cache-bare")),
        ),
        Contender(
            "uv pip sync, its cache full, hard links",
            lambda: bench.uv_sync("warm", "cache-warm"),
            lambda: bench.clear("warm"),
        ),
    ]
    keep("venv", by_turns(contenders, rounds))
    for name in ("ours", "pip", "bare", "warm"):
        count = sum(1 for _ in (bench.root / name).rglob("sample*/**/*.py"))
        assert count == DISTRIBUTIONS * (FILES - 3), (name, count)


def attest(bench, rounds):
    bench.clear("ours")
    bench.dgops("ours")

    def look():
        found = bench.dgops("ours", check=True)
        assert not found, found

    keep("attest", by_turns([Contender("dgops", look)], rounds))
    victim = next((bench.root / "ours").rglob("part008.py"))
    subprocess.run(["sed", "-i", "1s/./X/", victim], check=True, timeout=20)
    assert victim.parent.name in bench.dgops("ours", check=True)["installed"], "an edited file went unseen"


ROWS = {"venv": venv, "attest": attest}


def main():
    given = arguments(ROWS)
    with tempfile.TemporaryDirectory(prefix="dgops-bench-") as folder:
        bench = Bench(Path(folder))
        for row in given.rows:
            print(row)
            ROWS[row](bench, given.rounds)


if __name__ == "__main__":
    main()
