"""Pictures to work on, and runs of the pipeline in this process."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dgops.dataset import pipeline
from dgops.dataset.options import Options

CASES = Path(__file__).parents[2] / "cases/dataset"


def picture(seed, width=400, height=320):
    """Return a sharp picture that is like no other seed's."""
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((width, height), Image.Resampling.NEAREST)


class Watcher:
    def __init__(self):
        self.stages = []
        self.deliveries = []

    def stage_over(self, run):
        self.stages.append(run)

    def delivered(self, delivery):
        self.deliveries.append(delivery)


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(4):
        picture(seed).save(folder / f"p{seed}.jpg", quality=92)
    return folder


@pytest.fixture
def options(tmp_path, source):
    def make(**more):
        known = {"slug": "amira", "source": source, "trigger": "amiranoor", "crop": "none", "output": tmp_path / "out"}
        return Options(**{**known, **more})

    return make


@pytest.fixture
def run(options):
    """Return `run(**options)`: one run of the pipeline in this process."""

    def go(count=1, **more):
        return pipeline.run(options(**more), Watcher(), count)

    return go
