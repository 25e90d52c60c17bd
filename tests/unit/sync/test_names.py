"""Names: nothing leaves a map, nothing is .git to any file system, no link leads out."""

import os
import re
import subprocess
import tempfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from dgops.git.entry import blob_id
from dgops.sync import names

TRICKS = some.sampled_from(
    [
        ".git",
        ".GIT",
        "git~1",
        ".",
        "..",
        "",
        ".gi\u200ct",
        ".git.",
        ".git ",
        "a:b",
        ".git:x",
        "\\",
        "\u00e9",
        "e\u0301",
        "a",
    ]
)
PARTS = some.one_of(TRICKS, some.text(max_size=6))
STEADY = settings(derandomize=True, max_examples=60, deadline=None)


@STEADY
@given(some.lists(some.lists(PARTS, min_size=1, max_size=4).map("/".join), min_size=1, max_size=20))
def test_what_is_accepted_stays_inside_and_git_accepts_it_too(paths):
    accepted = [path for path in paths if names.refusal(path) is None]
    for path in accepted:
        inside = os.path.normpath(os.path.join("/map", path))
        assert inside == f"/map/{path}"
        assert ".git" not in path.casefold().split("/")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "init", "-q", folder], check=True, timeout=60)
        strict = ["-c", "core.protectNTFS=true", "-c", "core.protectHFS=true"]
        for path in accepted:
            row = f"100644 {blob_id(b'')}\t{path}\0".encode()
            argv = ["git", "-C", folder, *strict, "update-index", "-z", "--index-info"]
            done = subprocess.run(argv, input=row, capture_output=True, timeout=60)
            assert (done.returncode, done.stderr) == (0, b""), path


NEARLY_PLAIN = some.text(some.sampled_from(list("aZ09_-.~/:+@=, \\\x00\u00e9")) | some.characters(), max_size=12)


@settings(derandomize=True, max_examples=500, deadline=None)
@given(NEARLY_PLAIN | some.lists(PARTS, min_size=1, max_size=4).map("/".join) | some.just("a" * 256))
def test_what_is_plain_at_first_sight_no_rule_refuses(path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(names, "PLAIN", re.compile(r"(?!)"))
        slowly = names.refusal(path)
    assert names.refusal(path) == slowly


@STEADY
@given(some.lists(some.lists(some.sampled_from("abc"), min_size=1, max_size=5).map("/".join), max_size=20))
def test_folders_of_paths(paths):
    every = {str(parent) for path in paths for parent in PurePosixPath(path).parents} - {"."}
    assert names.folders_of(paths) == every


WORDS = some.sampled_from(["a", "b", "c"])
TARGETS = some.lists(some.sampled_from(["..", ".", "a", "b", "c"]), min_size=1, max_size=5).map("/".join)


@STEADY
@given(some.dictionaries(some.lists(WORDS, min_size=1, max_size=3).map("/".join), TARGETS, max_size=8))
def test_links_that_are_accepted_lead_nowhere_else_together_either(links):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "map"
        root.mkdir()
        for path, target in sorted(links.items()):
            place = root / path
            # A link that stands where a folder would be needed: no listing has both.
            if names.link_refusal(path, target) or any(one.is_symlink() for one in place.parents) or place.exists():
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.is_symlink():
                place.symlink_to(target)
        for place in root.rglob("*"):
            if place.is_symlink():
                assert Path(os.path.realpath(place)).is_relative_to(root), (place, links)


@pytest.mark.parametrize("name", [".gitignore", ".github", "git", "digit~1", ".gitx", "git~", "a~1"])
def test_names_that_only_look_like_it(name):
    assert names.refusal(f"x/{name}") is None


@pytest.mark.parametrize("name", [".gitmodules", ".GITATTRIBUTES", ".gitignore", ".mailmap"])
def test_git_reads_no_link(name):
    assert names.link_refusal(f"x/{name}", "other")
    assert names.link_refusal(f"x/{name}.txt", "other") is None


def test_folding_goes_by_folders_too_and_spares_what_is_tracked():
    found = names.folded(["A/x", "a/y", "b"], {"a/y"})
    assert list(found) == ["A/x"]
    assert names.folded(["stra\u00dfe", "strasse"], ()) != {}
    assert names.folded(["Makefile", "makefile"], {"Makefile", "makefile"}) == {}


def test_under():
    assert names.under("a/b/c", {"a/b"})
    assert names.under("a/b", {"a/b"})
    assert not names.under("a/bc", {"a/b"})


def test_dgops_own_names_stay_where_they_are():
    assert names.refusal("sub/.dgops-src.json")
    assert names.refusal(".dgops-x.part/inner")
    assert names.refusal(".dgops.json") is None


def test_a_hosts_text_is_one_line():
    assert names.shortened("a\nhint: b\u2028c") == "a hint: b c"
    assert len(names.shortened("x\n" * 1000)) == 80
