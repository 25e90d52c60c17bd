"""What was changed at home is never lost under a host's next set, and nothing else is kept twice."""

from dgops.dataset import edits
from dgops.dataset.manifest import Digests, Manifest

NAMES = ("06_publish",)


def brought(root, **texts):
    folder = root / NAMES[0]
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    Manifest(NAMES[0], 1, "", {}, (), {name: Digests().of_file(folder / name) for name in texts}).write(folder)
    return folder


def test_an_edit_is_kept_beside_what_replaces_it(tmp_path):
    folder = brought(tmp_path, one="a", two="b", three="c")
    (folder / "one").write_text("mine")
    (folder / "two").unlink()
    aside = edits.set_aside(tmp_path, NAMES)
    (folder / "one").unlink()
    brought(tmp_path, one="new", two="new")
    assert edits.settle(tmp_path, aside) == 1
    assert (aside / NAMES[0] / "one").read_text() == "mine"
    assert [path.name for path in aside.rglob("*") if path.is_file()] == ["one"]
    (folder / "one").write_text("again")
    assert edits.set_aside(tmp_path, NAMES).name == "home-2"


def test_what_stays_at_home_is_kept_once(tmp_path):
    folder = brought(tmp_path, one="a")
    assert edits.set_aside(tmp_path, NAMES) is None
    (folder / "one").write_text("mine")
    aside = edits.set_aside(tmp_path, NAMES)
    assert edits.settle(tmp_path, aside) == 0
    assert not aside.exists()
    assert (folder / "one").read_text() == "mine"
