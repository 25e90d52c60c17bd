"""A stage by itself: items in, its folder and its items out."""

from types import SimpleNamespace

import pytest

from dgops.dataset.manifest import Manifest
from dgops.dataset.stage import Made, Work
from dgops.dataset.workers import Workers


@pytest.fixture
def make(tmp_path, options):
    """Return `make(module, inputs, **options)`: inputs maps a stage's name to (folder, items)."""

    def go(module, inputs=(), **more):
        folder = tmp_path / module.STAGE.name
        folder.mkdir()
        chosen = options(**more)
        before = {
            name: Made(path, Manifest(name, 1, "f", {}, tuple(items), {}))
            for name, (path, items) in dict(inputs).items()
        }
        work = Work(folder, chosen, module.STAGE.parameters(chosen), before, Workers(1))
        items = module.STAGE.make(work)
        return SimpleNamespace(folder=folder, items=items, by_name={item.name: item for item in items})

    return go
