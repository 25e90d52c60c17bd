"""Images per second of each stage of the dataset pipeline, on photographs of 3000 × 2000 made up here."""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from dgops.dataset import pipeline
from dgops.dataset.options import Options

SIZE = (3000, 2000)


class Watcher:
    def __init__(self, count):
        self.count = count

    def stage_over(self, run):
        print(f"  {run.name:<12} {run.seconds:6.2f} s   {self.count / max(run.seconds, 1e-3):8.1f} images/s")

    def delivered(self, delivery):
        pass


def photograph(seed):
    rng = np.random.default_rng(seed)
    shape = Image.fromarray(rng.integers(0, 256, (9, 13, 3), dtype=np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    grain = Image.fromarray(rng.integers(90, 166, (SIZE[1] // 3, SIZE[0] // 3, 3), dtype=np.uint8)).resize(SIZE)
    return Image.blend(shape, grain, 0.4)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "photographs"
        source.mkdir()
        for seed in range(count):
            photograph(seed).save(source / f"{seed:04}.jpg", quality=90)
        for crop in ("none", "subject"):
            for processes in (1, 2):
                options = Options(f"{crop}-{processes}", source, "bench", crop, output=Path(folder) / "out")
                print(f"crop {crop}, {processes} process{'es' if processes > 1 else ''}")
                started = time.monotonic()
                pipeline.run(options, Watcher(count), processes)
                print(f"  {'in all':<12} {time.monotonic() - started:6.2f} s")
        started = time.monotonic()
        pipeline.run(options, Watcher(count), 1)
        print(f"again, all held: {time.monotonic() - started:.2f} s")


if __name__ == "__main__":
    main()
