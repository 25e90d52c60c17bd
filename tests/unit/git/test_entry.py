"""Ids without git are git's ids."""

import subprocess

from hypothesis import given, settings
from hypothesis import strategies as some
from soak import many

from dgops.git.entry import Entry, blob_id, tree_id

EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
NAMES = some.sampled_from(["a", "a.b", "a-b", "a0", "b", "é", "z z"])


def test_nothing_is_the_empty_tree():
    assert tree_id({}) == EMPTY
    assert blob_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


@settings(derandomize=True, max_examples=many(15), deadline=None)
@given(
    some.dictionaries(some.lists(NAMES, min_size=1, max_size=3).map("/".join), some.sampled_from(["100644", "100755"]))
)
def test_a_tree_has_gits_id(modes):
    import tempfile

    paths = {path: mode for path, mode in modes.items() if not any(other.startswith(f"{path}/") for other in modes)}
    entries = {path: Entry(mode, blob_id(path.encode())) for path, mode in paths.items()}
    rows = "".join(f"{one.mode} {one.id}\t{path}\0" for path, one in entries.items())
    with tempfile.TemporaryDirectory() as folder:
        git = ["git", "-C", folder]
        subprocess.run([*git, "init", "-q"], check=True, timeout=20)
        subprocess.run([*git, "update-index", "-z", "--index-info"], input=rows.encode(), check=True, timeout=20)
        done = subprocess.run([*git, "write-tree", "--missing-ok"], capture_output=True, text=True, timeout=20)
    assert tree_id(entries) == done.stdout.strip()
