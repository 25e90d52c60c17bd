"""Each kind of edit, made on either side, arrives on the other as it is."""

import os

import pytest
from deadly import Cut
from edits import clear, listing, make_room

API = "apps/api/src"


def rename(root):
    os.rename(root / "f1.py", root / "renamed.py")


def move(root):
    make_room(root, "far/away/f1.py").write_bytes((root / "f1.py").read_bytes())
    clear(root, "f1.py")


def fold(root):
    os.rename(root / "f1.py", root / "F1.py")


def delete(root):
    clear(root, "f1.py")


def run(root):
    (root / "f1.py").chmod(0o755)


def run_and_edit(root):
    (root / "f1.py").chmod(0o755)
    (root / "f1.py").write_text("#!/bin/sh\n")


def empty(root):
    (root / "f1.py").write_bytes(b"")


def binary(root):
    (root / "f1.py").write_bytes(bytes(range(256)) * 99)


def no_last_newline(root):
    (root / "f1.py").write_bytes(b"one\r\ntwo\rthree")


def large(root):
    (root / "large").write_bytes(os.urandom(5 << 20))


def folder(root):
    make_room(root, "f1.py").mkdir()
    (root / "f1.py/inner").write_text("x\n")


def link(root):
    make_room(root, "f1.py").symlink_to("f2.py")


def link_to_folder(root):
    make_room(root, "f1.py").symlink_to("kept")


def names(root):
    for name in ("-rf", "--", " ", "a b", "'\"`$(x)", "*", "?[a-z]", ":(top)x", "!x", "#x", "~", "\u65e5\u672c", "%s"):
        (root / name).write_text(f"{name}\n")


KINDS = [rename, move, fold, delete, run, run_and_edit, empty, binary, no_last_newline, large]
KINDS += [folder, link, link_to_folder, names]


def sides(world, side):
    there, here = world.there / "app" / API, world.repo / API
    return (there, here) if side == "host" else (here, there)


@pytest.fixture
def filled(world):
    world.home(f"{API}/kept/inner", "kept\n")
    return world.filled()


@pytest.mark.parametrize("side", ["host", "home"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_it_arrives(filled, kind, side):
    one, other = sides(filled, side)
    kind(one)
    wanted = listing(one)
    if side == "home":
        filled.commit("edit")
    result = filled.sync()
    assert (result.outcome, result.ok()) == ("pulled" if side == "host" else "pushed", True), result.error
    assert listing(one) == listing(other) == wanted
    assert (filled.git("status", "--porcelain"), filled.sync().outcome) == ("", "parity")


@pytest.mark.parametrize("side", ["host", "home"])
@pytest.mark.parametrize("kind", [folder, link, link_to_folder, fold], ids=lambda kind: kind.__name__)
def test_it_goes_back_again_over_a_way_that_is_cut(filled, kind, side):
    one, other = sides(filled, side)
    was, content = listing(one), (one / "f1.py").read_bytes()
    kind(one)
    if side == "home":
        filled.commit("edit")
    assert filled.sync().parity
    for path in listing(one).keys() - was.keys():
        clear(one, path)
    make_room(one, "f1.py").write_bytes(content)
    if side == "home":
        filled.commit("back")
    filled.sync(Cut(filled.transport, 1, after=True))
    assert filled.sync().parity
    assert listing(one) == listing(other) == was


def filter_of(world, clean, smudge, required="false"):
    world.write(world.repo, ".gitattributes", "*.up filter=up\n")
    world.git("config", "filter.up.clean", clean)
    world.git("config", "filter.up.smudge", smudge)
    world.git("config", "filter.up.required", required)


def test_a_filter_is_used_both_ways_and_is_no_edit(world):
    filter_of(world, "tr A-Z a-z", "tr a-z A-Z")
    world.home(f"{API}/x.up", "HOME\n")
    world.filled()
    assert world.host(f"{API}/x.up") == "HOME\n"
    assert world.git("show", f"HEAD:{API}/x.up") == "home"
    world.host(f"{API}/x.up", "THE POD'S\n")
    assert world.sync().outcome == "pulled"
    assert world.git("show", f"HEAD:{API}/x.up") == "the pod's"
    assert (world.repo / API / "x.up").read_text() == "THE POD'S\n"
    assert world.sync().outcome == "parity"


def test_a_filter_whose_program_is_missing_stops_the_sync_and_nothing_changes(world):
    filter_of(world, "cat", "cat", "true")
    world.home(f"{API}/x.up", "home\n")
    world.filled()
    world.git("config", "filter.up.clean", "no-such-program-here")
    head = world.head
    world.host(f"{API}/x.up", "pod\n")
    result = world.sync()
    assert (result.outcome, world.head, world.host(f"{API}/x.up")) == ("refused", head, "pod\n")
    assert "install the program of that filter" in result.error.hint


def test_a_file_that_comes_where_home_has_an_ignored_one_takes_nothing_away(world):
    world.write(world.repo, ".gitignore", "*.pyc\n")
    world.home(f"{API}/d/x.py", "x\n")
    world.filled()
    world.write(world.repo, f"{API}/d/x.pyc", "nobody else has it\n")
    make_room(world.there / "app" / API, "d").write_text("a file\n")
    shown = world.sync(dry_run=True)
    result = world.sync()
    assert (shown.outcome, result.outcome) == ("conflict", "conflict")
    assert f"{API}/d/x.pyc" in result.error.message
    assert (world.repo / API / "d/x.pyc").read_text() == "nobody else has it\n"
    (world.repo / API / "d/x.pyc").unlink()
    assert world.sync().outcome == "pulled"


def test_a_file_that_goes_where_the_host_has_an_ignored_one_takes_nothing_away(world):
    world.write(world.repo, ".gitignore", "*.pyc\n")
    world.home(f"{API}/d/x.py", "x\n")
    world.filled()
    world.host(f"{API}/d/x.pyc", "nobody else has it\n")
    make_room(world.repo / API, "d").write_text("a file\n")
    world.commit("a file")
    result = world.sync()
    assert (result.parity, world.host(f"{API}/d/x.pyc")) == (False, "nobody else has it\n")
    assert "a folder stands there" in result.skipped[0].reason
    clear(world.there / "app" / API, "d")
    assert world.sync().parity


def test_a_folder_with_nothing_in_it_is_in_nobodys_way(world):
    world.filled()
    (world.there / "app" / API / "d/e/f").mkdir(parents=True)
    world.home(f"{API}/d", "a file\n")
    assert world.sync().parity
    assert world.host(f"{API}/d") == "a file\n"


def test_what_is_staged_and_nowhere_else_is_an_edit(world):
    world.filled()
    world.write(world.repo, f"{API}/f1.py", "staged, and nowhere else\n")
    world.git("add", "-A")
    for root in (world.repo, world.there / "app"):
        world.write(root, f"{API}/f1.py", "the same on both sides\n")
    result = world.sync()
    assert result.outcome == "conflict"
    assert world.git("show", f":{API}/f1.py") == "staged, and nowhere else"


def test_new_names_that_some_disk_folds_are_refused_although_each_is_on_one_side_only(world):
    world.filled()
    world.home(f"{API}/Word/a.py", "home\n")
    world.host(f"{API}/word/a.py", "pod\n")
    result = world.sync()
    assert [one.path for one in result.refused] == [f"{API}/word/a.py"]
    assert "the same name as" in result.refused[0].reason
    assert (result.outcome, result.parity, result.ok()) == ("pushed", True, False)
    assert world.host(f"{API}/word/a.py") == "pod\n"
    os.rename(world.there / "app" / API / "f1.py", world.there / "app" / API / "F1.py")
    assert [one.path for one in world.sync().refused] == [f"{API}/word/a.py"], "a rename is none"
    assert (world.repo / API / "F1.py").exists()
