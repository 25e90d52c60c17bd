"""The scan: git's own ids, no link followed, remembered by stat and never by a stat that may lie."""

import json
import os
import subprocess
import sys

import pytest

from dgops.agent import beneath, scan

REQUEST = {"seconds": 20, "max_bytes": 1000, "max_entries": 100}


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "app/src"
    found.mkdir(parents=True)
    return found


def look(folder, **more):
    answer = scan.answer({"maps": [{"name": "m", "path": str(folder)}], **REQUEST, **more})
    return answer["maps"]["m"] if "maps" in answer else answer


def paths(found):
    return [entry[0] for entry in found["entries"]]


def settled(path, seconds=60):
    """Give a file a past, so that it may be remembered; the change time is the kernel's, so the clock moves."""
    stamp = path.stat().st_mtime - seconds
    os.utime(path, (stamp, stamp))


def test_ids_and_modes_are_gits(folder):
    (folder / "a.txt").write_text("hi\n")
    (folder / "sub").mkdir()
    (folder / "sub/run").write_bytes(b"\x00\xff" * 40)
    (folder / "sub/run").chmod(0o755)
    (folder / "link").symlink_to("a.txt")
    found = {path: rest for path, *rest in look(folder)["entries"]}
    for path in ("a.txt", "sub/run"):
        hashed = subprocess.run(["git", "hash-object", folder / path], capture_output=True, text=True, timeout=20)
        assert found[path][1] == hashed.stdout.strip()
    assert [found[path][0] for path in ("a.txt", "link", "sub/run")] == ["100644", "120000", "100755"]
    assert found["link"][1:] == [beneath.blob_id(b"a.txt"), 5, "a.txt"]


def test_links_are_not_followed_and_git_is_not_looked_into(folder):
    (folder / "out").symlink_to("/etc")
    (folder / ".git").mkdir()
    (folder / ".git/config").write_text("x")
    (folder / ".dgops-src.json").write_text("x")
    (folder / ".dgops-1.part").write_text("x")
    assert paths(look(folder)) == ["out"]


def test_a_folder_is_absent_or_refused(folder, tmp_path):
    assert look(tmp_path / "no/where")["root"] == "absent"
    (tmp_path / "link").symlink_to(folder)
    found = look(tmp_path / "link")
    assert found["root"] == "refused"
    assert f"link is a link (to {folder})" in found["reason"]
    assert look(tmp_path / "link/below")["root"] == "refused"
    (folder / "file").write_text("x")
    assert look(folder / "file")["root"] == "refused"


def test_what_is_odd_is_named(folder):
    (folder / "large").write_bytes(b"x" * 1001)
    os.mkfifo(folder / "pipe")
    (folder / "deep").joinpath(*["d"] * 61).mkdir(parents=True)
    (folder / "deep").joinpath(*["d"] * 61, "file").write_text("x")
    found = look(folder)
    assert {path.rpartition("/")[2]: kind for path, kind, _ in found["odd"]} == {
        "large": "large",
        "pipe": "special",
        "d": "deep",
    }
    assert found["entries"] == []


def test_heavy_folders_are_only_named(folder):
    (folder / "x/node_modules/y").mkdir(parents=True)
    (folder / "x/node_modules/y/z").write_text("x")
    found = look(folder, prune=["node_modules"])
    assert (found["pruned"], found["entries"]) == (["x/node_modules"], [])


def test_limits_are_answers(folder):
    for number in range(4):
        (folder / f"f{number}").write_text("x")
    assert "map a narrower folder" in look(folder, max_entries=3)["refused"]
    assert "too long" in look(folder, seconds=-1)["refused"]


def test_a_disk_without_permissions_is_noticed(folder):
    (folder / "a").write_text("x")
    assert not look(folder)["wide"]
    (folder / "a").chmod(0o777)
    assert look(folder)["wide"]


@pytest.fixture
def read(monkeypatch):
    """The names that are read for their content."""
    names = []
    real = beneath.hash_file
    monkeypatch.setattr(beneath, "hash_file", lambda folder, name: names.append(name) or real(folder, name))
    return names


@pytest.fixture
def later(monkeypatch):
    """Move the clock on, so that what was just written is no longer young."""

    def move(seconds=60):
        now = scan.time.time_ns() + seconds * 10**9
        monkeypatch.setattr(scan.time, "time_ns", lambda: now)

    return move


def test_what_did_not_change_is_not_read_again(folder, read, later):
    (folder / "a").write_text("x")
    later()
    assert look(folder) == look(folder)
    assert read == ["a"]
    (folder / "a").write_text("y")
    assert look(folder)["entries"][0][2] == beneath.blob_id(b"y")


def test_a_young_file_is_read_again_since_its_time_may_not_tell(folder, read):
    (folder / "a").write_text("x")
    look(folder)
    stamp = (folder / "a").stat()
    (folder / "a").write_text("y")
    os.utime(folder / "a", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert look(folder)["entries"][0][2] == beneath.blob_id(b"y")
    assert read == ["a", "a"]


def test_a_turned_back_clock_of_a_file_does_not_hide_an_edit(folder, later):
    (folder / "a").write_text("x")
    stamp = (folder / "a").stat()
    later()
    look(folder)
    (folder / "a").write_text("y")
    os.utime(folder / "a", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert look(folder)["entries"][0][2] == beneath.blob_id(b"y"), "its change time tells"


@pytest.mark.parametrize("content", ["", "[]", '{"root": "x"}', '{"root": "R", "files": {"a": 7}}'])
def test_a_damaged_memory_is_none(folder, later, content):
    (folder / "a").write_text("x")
    later()
    before = look(folder)
    (cache,) = (tmp for tmp in (scan.Cache(str(folder)).place,))
    with open(cache, "w") as stream:
        stream.write(content.replace('"R"', json.dumps(str(folder))))
    assert look(folder) == before


def test_a_memory_that_somebody_else_could_write_is_not_used(folder):
    place = scan.Cache(str(folder)).place
    os.chmod(os.path.dirname(place), 0o777)
    assert scan.Cache(str(folder)).place is None


def test_the_marker_lies_beside_and_damaged_ones_are_none(folder, tmp_path):
    marker = tmp_path / "app/.dgops-src.json"
    for content, expected in (('{"id": "x"}', {"id": "x"}), ("{", None), ("[]", None), ("x" * 9999, None)):
        marker.write_text(content)
        assert look(folder)["marker"] == expected
    marker.unlink()
    (tmp_path / "app/other").write_text('{"id": "x"}')
    marker.symlink_to("other")
    assert look(folder)["marker"] is None


def test_on_a_mounted_disk_the_marker_goes_with_it(monkeypatch):
    monkeypatch.setattr(scan.os.path, "ismount", lambda path: path == "/volume")
    assert scan.marker_place("/volume") == ("/volume", ".dgops-volume.json")
    assert scan.marker_place("/volume/data") == ("/volume", ".dgops-data.json")
    assert scan.marker_place("/top") == ("/", ".dgops-top.json")


def test_the_host_has_a_name():
    assert scan.POD.fullmatch(scan.pod_id())


def test_it_runs_as_a_program(folder, tmp_path):
    from dgops.transport import agent

    (tmp_path / "agent.pyz").write_bytes(agent.archive())
    (folder / "a").write_text("x")
    request = json.dumps({"maps": [{"name": "m", "path": str(folder)}], **REQUEST})
    argv = [sys.executable, tmp_path / "agent.pyz", "scan"]
    done = subprocess.run(argv, input=request + "\n", capture_output=True, text=True, timeout=30)
    assert paths(json.loads(done.stdout)["maps"]["m"]) == ["a"]


def test_a_marker_that_is_no_marker_is_none(folder):
    (folder.parent / ".dgops-src.json").write_text("[" * 4096)
    assert look(folder)["marker"] is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_another_name_of_somebody_elses_file_is_left_alone(folder, tmp_path):
    (tmp_path / "secret").write_text("root's")
    os.link(tmp_path / "secret", folder / "mine")
    os.link(folder / "mine", folder / "again")
    assert paths(look(folder)) == ["again", "mine"], "the map is root's, and so are they"
    os.chown(folder, 65534, 65534)
    found = look(folder)
    assert paths(found) == []
    assert {kind for _, kind, _ in found["odd"]} == {"special"}
