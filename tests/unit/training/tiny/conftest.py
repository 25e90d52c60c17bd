"""The real trainer in its own venv, which this interpreter has not: what a test asks runs there."""

import json
import subprocess
from pathlib import Path

import pytest

import dgops.training

VENV = Path(__file__).parents[4] / ".venv/tiny"
PACKAGE = Path(dgops.training.__file__).parent
HEAD = """\
import json, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from tiny import network, pictures, record
here, said = Path(sys.argv[1]), {}
"""
DEADLINE = 300


class Tiny:
    """Runs code beside the trainer's modules; what it puts into `said` comes back."""

    def __init__(self, venv, folder):
        self.python, self.folder = f"{venv}/bin/python", folder

    def ask(self, code):
        done = self._run("-c", f"{HEAD}{code}\nprint(json.dumps(said))")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def train(self, **changed):
        """Train as a plan would let it; returns what it said."""
        config = {
            "output": str(self.folder / "out"),
            "name": "a",
            "dataset": str(self.folder / "set"),
            "resolution": 32,
            "rank": 4,
            "alpha": 4.0,
            "seed": 42,
            "learning_rate": 2e-3,
            "scheduler": "constant",
            "precision": "fp32",
            "batch_size": 2,
            "steps": 8,
            "save_every": 4,
            "sample_every": 0,
            "prompts": ["amira"],
            "sample_seed": 42,
            "device": "cpu",
            "fast_test": True,
            "threads": 1,
            "resume": "",
            **changed,
        }
        (self.folder / "config.json").write_text(json.dumps(config))
        return self._run("-m", "tiny", str(self.folder / "config.json"))

    def _run(self, *words):
        argv = [self.python, *words, *([str(self.folder)] if words[0] == "-c" else [])]
        known = {"PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1", "HF_HUB_OFFLINE": "1"}
        return subprocess.run(argv, env=known, capture_output=True, text=True, timeout=DEADLINE, cwd=self.folder)


@pytest.fixture
def tiny(tmp_path):
    if not VENV.exists():
        pytest.skip("no .venv/tiny: `sh .ci/setup tiny` makes one where PIP_FIND_LINKS has the CPU build of torch")
    return Tiny(VENV, tmp_path)
