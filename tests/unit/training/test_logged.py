"""What trainers log, by absolute step: event files after a resume, a database while it is written."""

import math
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from dgops.training.logged import Logged, read

REAL = Path(__file__).parents[2] / "cases/training/events.out.tfevents.kohya"


def events(folder, run, mtime):
    path = folder / "logs" / run / "network_train" / "events.out.tfevents.1.x.1.0"
    path.parent.mkdir(parents=True)
    shutil.copy(REAL, path)
    os.utime(path, (mtime, mtime))


def database(path, rows):
    """Make the tables that ai-toolkit makes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    base = sqlite3.connect(path, isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("CREATE TABLE metrics (step INTEGER NOT NULL, key TEXT NOT NULL, value_real REAL, value_text TEXT)")
    base.executemany("INSERT INTO metrics VALUES (?, ?, ?, NULL)", rows)
    return base


def test_the_bars_average_is_not_the_loss(tmp_path):
    """And what Prodigy trains with is its estimate times the rate."""
    events(tmp_path, "amira_20261130120000", 1)
    found = read(tmp_path)
    assert list(found) == [1, 2, 3, 4, 5, 6]
    assert found[2] == Logged(0.25, pytest.approx(2e-4))
    assert math.isnan(found[6].loss)


def test_a_resumed_run_counts_from_where_it_began(tmp_path):
    events(tmp_path, "amira_20261130120000", 1)
    events(tmp_path, "amira-run2-plus000003_20261130130000", 2)
    found = read(tmp_path)
    assert list(found) == list(range(1, 10))
    # Step 4 was done twice: by the second run as its first.
    assert [found[step].loss for step in (3, 4, 5)] == [pytest.approx(1 / 6), 0.5, 0.25]


def test_a_database_that_is_being_written(tmp_path):
    """Its writer is not held up, and holds nobody up."""
    rows = [(1, "loss/loss", 0.5), (1, "learning_rate", 1e-4), (1, "other", 3.0), (2, "loss/loss", 0.25)]
    writer = database(tmp_path / "run1/amira/loss_log.db", rows)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO metrics VALUES (3, 'loss/loss', 0.1, NULL)")
    assert read(tmp_path) == {1: Logged(0.5, 1e-4), 2: Logged(0.25)}
    writer.execute("COMMIT")
    assert read(tmp_path)[3] == Logged(0.1)
    writer.close()


def test_the_second_run_of_ai_toolkit(tmp_path):
    first = database(tmp_path / "run1/amira/loss_log.db", [(1, "loss/loss", 0.5), (2, "loss/loss", 0.4)])
    os.utime(tmp_path / "run1/amira/loss_log.db", (1, 1))
    second = database(tmp_path / "run2/amira/loss_log.db", [(2, "loss/loss", 0.3)])
    assert [one.loss for one in read(tmp_path).values()] == [0.5, 0.3]
    first.close()
    second.close()


def test_nothing_and_rubbish(tmp_path):
    assert read(tmp_path) == {}
    for path in ("run1/amira/loss_log.db", "logs/a_20261130120000/network_train/events.out.tfevents.1"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_bytes(b"rubbish" * 100)
    assert read(tmp_path) == {}
