"""Whatever happens in whatever order, every line that somebody wrote is still somewhere."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as some
from soak import many
from world import World

API = "apps/api/src"
FILES = some.sampled_from(["f0.py", "f1.py", "new.py"])
STEPS = some.one_of(
    some.tuples(some.sampled_from(["host", "home", "uncommitted"]), FILES, some.integers(0, 9)),
    some.tuples(some.sampled_from(["sync", "sync", "restart", "fill", "merge", "forget"]), some.none(), some.none()),
)


def step(world, what, file, line, word):
    """Take one step; returns the word where somebody wrote it."""
    if what in ("host", "home", "uncommitted"):
        place = (world.there / "app" if what == "host" else world.repo) / API / file
        place.parent.mkdir(parents=True, exist_ok=True)
        lines = place.read_text().splitlines() if place.exists() else []
        lines = [*lines[:line], word, *lines[line:]]
        place.write_text("\n".join(lines) + "\n")
        if what == "home":
            world.git("add", "-A")
            world.git("commit", "-qm", "home")
    elif what == "restart":
        shutil.rmtree(world.there / "app")
        world.host(f"{API}/f0.py", "the image's\n")
    elif what == "merge" and world.branches and not world.git("status", "--porcelain"):
        world.git("merge", "-X", "ours", "--no-edit", world.branches[-1])
    elif what == "forget":
        shutil.rmtree(world.settings.state / "sync", ignore_errors=True)
    elif what in ("sync", "fill"):
        world.sync(source="local" if what == "fill" else "")


def everywhere(world):
    """Return every line of the work tree, the host and all of git's history."""
    history = world.git("log", "-p", "-m", "--all", "--format=", "--no-color")
    texts = [history.replace("\n+", "\n")]
    texts += [path.read_text() for root in (world.repo / API, world.there) for path in root.rglob("*.py")]
    return {line for text in texts for line in text.splitlines()}


@settings(derandomize=True, max_examples=many(10), deadline=None)
@given(some.lists(STEPS, min_size=3, max_size=8))
def test_no_line_is_ever_lost(steps):
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder)).filled()
        words = set()
        for number, (what, file, line) in enumerate(steps):
            word = f"word {number} {what}"
            if what == "restart":
                # What nobody synced goes with the host; nothing here could keep it.
                gone = {one for one in words if "host" in one} - everywhere_at_home(world)
                words -= gone
            step(world, what, file, line, word)
            words |= {word} if file else set()
            assert words <= everywhere(world), (what, steps)
        for _ in range(2):
            world.sync()
            assert words <= everywhere(world)


def everywhere_at_home(world):
    there, world.there = world.there, Path("/nowhere")
    try:
        return everywhere(world)
    finally:
        world.there = there
