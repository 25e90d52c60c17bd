"""What comes from a host is believed only as far as it can do no harm."""

import json
import os
import socket

import pytest
from world import Direct, tree

from dgops.errors import RemoteError
from dgops.sync import run, snapshot
from dgops.sync.scene import Wish

API, SHARED = "apps/api/src", "packages/shared"
GITS = [
    ".GIT/config",
    ".git./x",
    ".git /x",
    "git~1/x",
    "GIT~2/x",
    ".git\u200c/x",
    ".ｇit/x",
    ".git::$INDEX_ALLOCATION/x",
]
NAMES = [*GITS, "back\\slash.py", "bell\x07.py", "line\nend.py", "next\u2028line.py", "turned\u202egpj.py"]


def reasons(result):
    return {one.path.removeprefix(f"{API}/"): one.reason for one in result.refused}


@pytest.fixture
def filled(world):
    return world.filled()


def test_planted_git_folders_stay_on_the_host(filled):
    hook = filled.there / "app" / API / ".git/hooks/post-checkout"
    filled.write(hook.parent, hook.name, "#!/bin/sh\ntouch /tmp/owned\n", 0o755)
    filled.host(f"{API}/sub/.git/hooks/pre-commit", "#!/bin/sh\nexit 1\n", 0o755)
    filled.host(f"{API}/f1.py", "edit\n")
    hooks = tree(filled.repo / ".git/hooks")
    result = filled.sync()
    assert [one.path for one in result.changes] == [f"{API}/f1.py"]
    assert result.ok()
    assert tree(filled.repo / ".git/hooks") == hooks
    assert not (filled.repo / API / ".git").exists()


@pytest.mark.parametrize("name", NAMES)
def test_names_that_could_do_harm_are_refused_and_the_rest_comes(filled, name):
    filled.host(f"{API}/{name}", "harm\n")
    filled.host(f"{API}/good.py", "good\n")
    result = filled.sync()
    assert set(reasons(result)) == {name}
    assert [one.path for one in result.changes] == [f"{API}/good.py"]
    assert (result.outcome, result.parity, result.ok()) == ("pulled", True, False)
    assert set(os.listdir(filled.repo)) == {".git", "README.md", "apps", "packages"}
    # It stays refused, and alone it is all that there is to say.
    assert filled.sync().outcome == "refused"


def test_names_that_some_disk_folds_together(filled):
    for name in ("Word.py", "word.py", "caf\u00e9.py", "cafe\u0301.py", "F1.py", "Folder/a.py", "folder/b.py"):
        filled.host(f"{API}/{name}", "x\n")
    result = filled.sync()
    assert len(reasons(result)) == 7
    assert "the same name as" in reasons(result)["F1.py"]
    assert filled.head == filled.base
    assert len(filled.log) == 1


def test_a_file_that_is_renamed_in_case_comes_home(filled):
    os.rename(filled.there / "app" / API / "f1.py", filled.there / "app" / API / "F1.py")
    result = filled.sync()
    assert {(one.kind, one.path) for one in result.changes} == {("D", f"{API}/f1.py"), ("A", f"{API}/F1.py")}
    assert result.ok()


LINKS = {
    "/etc/passwd": False,
    "../../../../../etc/passwd": False,
    "..": False,
    "deep/../../x": False,
    "f1.py": True,
    "nowhere.py": True,
    "./sub/x": True,
    ".git/config": False,
    "": False,
}


@pytest.mark.parametrize(("target", "good"), [(one, good) for one, good in LINKS.items() if one])
def test_links_come_home_as_links_where_they_stay_inside(filled, target, good):
    os.symlink(target, filled.there / "app" / API / "link")
    result = filled.sync()
    assert ("link" in reasons(result)) != good
    assert (os.readlink(filled.repo / API / "link") == target) if good else len(filled.log) == 1
    assert filled.sync().parity


def test_a_chain_of_links_leads_nowhere(filled):
    folder = filled.there / "app" / API
    (folder / "sub").mkdir()
    os.symlink("..", folder / "sub/up")
    os.symlink("sub/up/..", folder / "out")
    assert set(reasons(filled.sync())) == {"out"}
    assert os.readlink(filled.repo / API / "sub/up") == ".."


def test_a_tracked_file_that_became_a_link_out_is_no_edit_and_no_parity(filled):
    place = filled.there / "app" / API / "f1.py"
    place.unlink()
    os.symlink("/etc/passwd", place)
    result = filled.sync()
    assert (result.ok(), len(filled.log)) == (False, 1)
    assert "f1.py" in reasons(result)
    filled.home(f"{API}/f1.py", "newer\n")
    result = filled.sync()
    assert os.readlink(place) == "/etc/passwd", "nothing is written through it or over it"
    assert (result.parity, result.ok()) == (False, False)


def test_a_mapped_folder_that_is_a_link_is_not_followed(filled):
    outside = filled.root / "outside"
    os.rename(filled.there / "app" / API, outside)
    os.symlink(outside, filled.there / "app" / API)
    before = tree(outside)
    result = filled.sync()
    assert (result.outcome, len(filled.log)) == ("refused", 1)
    assert "src is a link" in result.error.message
    assert tree(outside) == before


def test_what_no_commit_can_hold_is_told_and_never_half_taken(filled, monkeypatch):
    monkeypatch.setattr(snapshot, "MAX_BYTES", 1000)
    filled.host(f"{API}/large.bin", b"x" * 1001)
    filled.host(f"{API}/fits.bin", b"x" * 1000)
    os.mkfifo(filled.there / "app" / API / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(filled.there / "app" / API)
        server.bind("socket")
    with open(os.fsencode(filled.there / "app" / API) + b"/\xff.py", "w") as stream:
        stream.write("x")
    result = filled.sync()
    assert {one.path.rpartition("/")[2] for one in result.skipped} == {"large.bin", "pipe", "socket", "\ufffd.py"}
    assert [one.path for one in result.changes] == [f"{API}/fits.bin"]
    assert result.ok(), "told, not refused"


def test_attributes_from_the_host_start_no_filter(filled):
    mark = filled.root / "ran"
    filled.git("config", "filter.evil.clean", f"touch {mark}; cat")
    filled.git("config", "filter.evil.smudge", f"touch {mark}; cat")
    filled.host(f"{API}/f1.py", "edit\n")
    filled.host(f"{SHARED}/.gitattributes", "")
    filled.host(f"{API}/.gitattributes", "f1.py filter=evil\n")
    side = filled.sync(dry_run=True)
    assert len(side.changes) == 3
    assert not mark.exists()


def test_hooks_aliases_and_monitors_of_the_repository_stay_asleep(filled):
    mark = filled.root / "ran"
    for name in ("post-index-change", "reference-transaction", "post-checkout", "pre-commit", "post-merge"):
        filled.write(filled.repo / ".git/hooks", name, f"#!/bin/sh\ntouch {mark}\n", 0o755)
    filled.git("config", "core.fsmonitor", f"touch {mark}")
    filled.git("config", "alias.update-index", f"!touch {mark}")
    mark.unlink(missing_ok=True)
    filled.host(f"{API}/f1.py", "edit\n")
    result = run.sync(filled.shared, filled.transport, filled.settings, Wish(), filled.said.append)
    assert result.outcome == "pulled"
    assert not mark.exists()


class Liar(Direct):
    """A host whose agent says what it likes."""

    def __init__(self, lie):
        super().__init__("pod")
        object.__setattr__(self, "lie", lie)

    def tamper(self, command, answer):
        answer = json.loads(json.dumps(answer))
        self.lie(command, answer)
        return answer


def entry(path, **more):
    row = {"mode": "100644", "id": "1" * 40, "size": 3, "target": "", **more}

    def lie(command, answer):
        if command == "scan":
            answer["maps"]["api"]["entries"].append([path, *row.values()])

    return lie


PATHS = ["../../x", "/etc/x", ".git/hooks/x", "a//b", "", ".", "a/../b", "x" * 300, "/".join(["d"] * 70), "a\x00b"]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_no_listing_can_hold_is_refused(filled, path):
    result = filled.sync(Liar(entry(path)))
    assert (result.ok(), len(filled.log)) == (False, 1)
    assert result.refused


def damaged(**changes):
    def lie(command, answer):
        if command == "scan":
            answer["maps"]["api"].update(changes)

    return lie


def shortened_bytes(command, answer):
    if command == "replica":
        answer["lengths"] = [10**9 for _ in answer.get("lengths", [])]


LIES = [
    entry("a", mode="160000"),
    entry("a", id="zz"),
    entry("a", size=-1),
    entry("a", size=10**12),
    entry("f1.py/below"),
    damaged(entries=None),
    damaged(entries=[["f1.py"]]),
    damaged(entries=[[None, "100644", "1" * 40, 1, ""]]),
    damaged(odd=7),
    damaged(root="x"),
    damaged(marker=7),
    lambda command, answer: answer.clear(),
    lambda command, answer: answer.update(pod=7),
]


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_without_sense_is_told_and_nothing_happens(filled, lie):
    filled.host(f"{API}/f2.py", "edit\n")
    head = filled.head
    result = filled.sync(Liar(lie))
    assert result.outcome in ("refused", "fresh", "pulled")
    assert filled.head == head or result.outcome == "pulled"
    assert filled.sync().parity


def test_bytes_that_are_not_the_announced_ones_never_become_a_blob(filled):
    def lie(command, answer):
        if command == "scan":
            for row in answer["maps"]["api"]["entries"]:
                if row[0] == "f2.py":
                    row[2] = "2" * 40

    filled.host(f"{API}/f1.py", "edit\n")
    filled.host(f"{API}/f2.py", "other\n")
    result = filled.sync(Liar(lie))
    assert [one.path for one in result.changes] == [f"{API}/f1.py"]
    assert (result.parity, result.ok()) == (False, False)
    assert filled.sync().parity


def test_lengths_that_are_not_what_was_asked_for(filled):
    filled.host(f"{API}/f1.py", "edit\n")
    result = filled.sync(Liar(shortened_bytes))
    assert isinstance(result.error, RemoteError)
    assert len(filled.log) == 1


def test_more_than_a_sync_takes_is_refused(filled, monkeypatch):
    monkeypatch.setattr(snapshot, "MAX_ENTRIES", 5)
    result = filled.sync()
    assert (result.outcome, result.error.exit_code) == ("refused", 1)
    assert "map a narrower folder" in result.error.message
