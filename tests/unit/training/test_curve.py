"""Curves: what a trainer logged outranks what its bar showed."""

import json

from dgops.training.curve import prefer
from dgops.training.logged import Logged


def test_what_was_logged_is_preferred(tmp_path):
    """The bar's average gives way; what a run logged behind the state that it was gone back to does not count."""
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "loss": 0.9, "lr": null, "time": 1}\nrubbish\n{"step": 3, "loss": 0.8}\n')
    prefer(path, {1: Logged(0.5, 1e-4), 2: Logged(0.25), 3: Logged(None, 1e-5), 9: Logged(0.1)})
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert rows == [
        {"step": 1, "loss": 0.5, "lr": 1e-4, "time": 1},
        {"step": 2, "loss": 0.25},
        {"step": 3, "loss": 0.8, "lr": 1e-5},
    ]
    prefer(tmp_path / "none", {1: Logged(0.5)})
    assert not (tmp_path / "none").exists()
