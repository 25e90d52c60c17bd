"""A folder of locks with one environment, and two indexes that hold wheels built here."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from dgops.environments import tables

sys.path.insert(0, str(Path(__file__).parent))

APP = """# An app.
# profile: cu121
# python: 3.10 3.12
trainerlib==1.0
numpy<2

# The torch family.
torch==2.5.1+cu121
torchvision==0.20.1+cu121
"""


@pytest.fixture
def locks(tmp_path, monkeypatch):
    """A folder of locks that holds app.in."""
    folder = tmp_path / "locks"
    folder.mkdir()
    (folder / "app.in").write_text(APP)
    kept = tables.folder
    monkeypatch.setattr(tables, "folder", lambda name: folder if name == "locks" else kept(name))
    return folder


@pytest.fixture
def world(tmp_path, locks, monkeypatch):
    """The ordinary index, which has another build of torch too, and the profile's index by URL and as a folder."""
    import wheel_index as index

    ordinary = tmp_path / "ordinary"
    made = [
        index.wheel(ordinary, "trainerlib", "1.0", "torch>=2.0", "filelock"),
        index.wheel(ordinary, "numpy", "1.26.4"),
        index.wheel(ordinary, "numpy", "2.2.6"),
        index.wheel(ordinary, "filelock", "3.0"),
        index.wheel(ordinary, "torch", "2.5.1", "nvidia-runtime==12.4"),
        index.wheel(ordinary, "torchvision", "0.20.1", "torch==2.5.1"),
        index.wheel(ordinary, "nvidia-runtime", "12.4"),
        index.wheel(ordinary, "nvidia-runtime", "12.1"),
    ]
    family = tmp_path / "family"
    torch = index.wheel(family, "torch", "2.5.1+cu121", "nvidia-runtime==12.1", "filelock")
    vision = index.wheel(family, "torchvision", "0.20.1+cu121", "torch==2.5.1")
    # A wheel of an ordinary package there, as such indexes have them: never to be taken.
    stale = index.wheel(family, "filelock", "2.0")
    index.simple(tmp_path / "site/ordinary", made)
    index.simple(tmp_path / "site/family", [torch, vision, stale])
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    with index.served(tmp_path / "site") as url:
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{url}/ordinary")
        yield SimpleNamespace(locks=locks, url=f"{url}/family", folder=family, torch=torch, root=tmp_path)
