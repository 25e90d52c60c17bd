"""Edits kept beside a replica's life: whole, listed last, given up when home has them."""

import json
import os
import shutil

import pytest
from spools import BASE, ID, Replica

from dgops.agent import beneath, spool


@pytest.fixture
def replica(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return Replica(tmp_path)


def test_nothing_edited_nothing_spooled(replica):
    assert replica.save() == 0
    assert not list(replica.volume.rglob("*"))


def test_every_kind_of_edit(replica):
    replica.write("main.py", "edited\n")
    replica.write("new/deep.py", "new\n")
    (replica.app / "gone.py").unlink()
    (replica.app / "tools/run.sh").chmod(0o644)
    os.symlink("main.py", replica.app / "link")
    assert replica.save() == 5
    files, gone = replica.spooled()
    assert files == {
        "main.py": "edited\n",
        "new/deep.py": "new\n",
        "tools/run.sh": "tools/run.sh\n",
        "link": "main.py",
    }
    assert gone == ["gone.py"]
    (one,) = spool.listed(str(replica.volume))
    assert (one["base"], one["id"], one["path"]) == (BASE, ID, str(replica.app))
    assert one["edits"]["tools/run.sh"][0] == "100644"


def test_the_next_round_follows_and_a_sync_ends_it(replica):
    replica.write("main.py", "one\n")
    replica.write("new.py", "new\n")
    replica.save()
    before = (replica.place / "edits.json").stat()
    assert replica.save() == 2
    assert (replica.place / "edits.json").stat().st_ino == before.st_ino, "nothing new, nothing written"
    replica.write("main.py", "two\n")
    (replica.app / "new.py").unlink()
    assert replica.save() == 1
    assert replica.spooled() == ({"main.py": "two\n"}, [])
    assert not (replica.place / "tree/new.py").exists()
    replica.agree("c" * 40)
    assert replica.save() == 0
    assert not replica.place.exists()


def test_a_folder_where_a_file_was_and_back(replica):
    replica.write("new", "file\n")
    replica.save()
    (replica.app / "new").unlink()
    replica.write("new/inner.py", "folder\n")
    replica.save()
    assert replica.spooled() == ({"new/inner.py": "folder\n"}, [])
    shutil.rmtree(replica.app / "new")
    replica.write("new", "file again\n")
    replica.save()
    assert replica.spooled() == ({"new": "file again\n"}, [])


@pytest.mark.parametrize("what", ["marker", "folder"])
def test_another_replica_is_not_spooled(replica, what):
    replica.write("main.py", "edited\n")
    replica.save()
    if what == "marker":
        (replica.app.parent / ".dgops-app.json").write_text(json.dumps({"id": "f" * 32, "base": BASE}))
    else:
        shutil.rmtree(replica.app)
    replica.app.mkdir(exist_ok=True)
    replica.write("main.py", "the image's\n")
    if what == "folder":
        (replica.app.parent / ".dgops-app.json").unlink()
    assert replica.save() is None
    assert replica.spooled() == ({"main.py": "edited\n"}, [])


def test_what_is_pruned_or_too_large_is_left_out(replica, monkeypatch):
    monkeypatch.setattr(spool, "MOST_FILE", 100)
    replica.write("node_modules/x.js", "x\n")
    replica.write("large.bin", "x" * 200)
    replica.write("main.py", "edited\n")
    assert replica.save() == 1
    assert replica.spooled() == ({"main.py": "edited\n"}, [])


def test_where_room_is_short_known_files_go_first_then_small_ones(replica, monkeypatch):
    replica.write("a_big.py", "x" * 60)
    replica.write("b_small.py", "x" * 5)
    replica.write("main.py", "y" * 30)
    monkeypatch.setattr(spool, "MOST_BYTES", 40)
    replica.save()
    assert set(replica.spooled()[0]) == {"main.py", "b_small.py"}


def test_the_last_of_a_volume_is_not_taken(replica, monkeypatch):
    monkeypatch.setattr(spool, "SPARE", 1 << 60)
    replica.write("main.py", "edited\n")
    replica.save()
    assert replica.spooled() == ({}, [])


@pytest.mark.parametrize("step", ["_copy", "_list", "_unlink"])
def test_killed_at_any_step_what_is_listed_is_there(replica, monkeypatch, step):
    replica.write("main.py", "one\n")
    replica.write("old.py", "old\n")
    replica.save()
    replica.write("main.py", "two\n")
    replica.write("new.py", "new\n")
    (replica.app / "old.py").unlink()

    def die(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(spool, step, die)
        with pytest.raises(KeyboardInterrupt):
            replica.save()
    files, _ = replica.spooled()
    assert set(files) in ({"main.py", "old.py"}, {"main.py", "new.py"})
    replica.save()
    assert replica.spooled() == ({"main.py": "two\n", "new.py": "new\n"}, [])


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"edits": 1, "gone": [], "base": ""}', '{"edits": {}}', "[" * 100000]
)
def test_rubbish_is_no_list(replica, content):
    replica.write("main.py", "edited\n")
    replica.save()
    (replica.place / "edits.json").write_text(content)
    assert spool.listed(str(replica.volume)) == []
    assert replica.save() == 1
    assert replica.spooled() == ({"main.py": "edited\n"}, [])


def test_no_link_on_the_volume_leads_root_elsewhere(replica, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (replica.volume / "dgops-spool").symlink_to(elsewhere)
    replica.write("main.py", "edited\n")
    with pytest.raises(beneath.Refused):
        replica.save()
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("number", ["../../etc", "a" * 31, "A" * 32, ""])
def test_only_an_id_is_dropped(replica, number):
    with pytest.raises(beneath.Refused):
        spool.drop(str(replica.volume), number)


def test_dropped(replica):
    replica.write("main.py", "edited\n")
    replica.save()
    spool.drop(str(replica.volume), ID)
    assert spool.listed(str(replica.volume)) == []
    assert not replica.place.exists()
    spool.drop(str(replica.volume), ID)


def test_only_what_is_new_is_noted_where_the_rest_is_known(replica):
    replica.write("main.py", "agreed later\n")
    marker = {"id": ID, "base": "c" * 40}
    number = beneath.blob_id(b"agreed later\n")
    keep = {"name": "app", "root": str(replica.volume), "since": BASE}
    entries = {"main.py": ["100644", number], "gone.py": None}
    assert not spool.remember(str(replica.app), marker, {**keep, "since": "d" * 40, "entries": entries})
    assert not spool.remember("/elsewhere", marker, {**keep, "entries": entries})
    assert spool.remember(str(replica.app), marker, {**keep, "entries": entries})
    (kept,) = spool.known()
    assert kept["base"] == "c" * 40
    assert kept["entries"]["main.py"] == ["100644", number]
    assert "gone.py" not in kept["entries"]
    assert "tools/run.sh" in kept["entries"]


def test_a_folder_where_a_file_was_deep_below(replica):
    replica.write("made/deep", "file\n")
    replica.save()
    (replica.app / "made/deep").unlink()
    replica.write("made/deep/inner.py", "folder\n")
    replica.save()
    assert replica.spooled() == ({"made/deep/inner.py": "folder\n"}, [])


def test_what_had_no_room_is_counted(replica, monkeypatch):
    replica.write("big.py", "x" * 60)
    replica.write("small.py", "x" * 5)
    monkeypatch.setattr(spool, "MOST_BYTES", 40)
    replica.save()
    (one,) = spool.listed(str(replica.volume))
    assert (len(one["edits"]), one["all"]) == (1, 2)
