"""A host that changes between the look and the rest, or lies about it: nothing of elsewhere comes or goes."""

import os
import subprocess

import pytest
from world import Direct, tree

from dgops.errors import DgopsError, RemoteError
from dgops.sync import snapshot
from dgops.transport.protocol import Completed

API = "apps/api/src"
SECRET = "the secret of somebody else\n"


@pytest.fixture
def filled(world):
    world.filled()
    world.write(world.root / "elsewhere", "f1.py", SECRET)
    return world


class Moving(Direct):
    """A host where something happens once, right after the look."""

    def __init__(self, happens):
        super().__init__("pod")
        object.__setattr__(self, "happens", happens)

    def tamper(self, command, answer):
        if command == "scan":
            self.happens()
            object.__setattr__(self, "happens", lambda: None)
        return answer


def swap(place, target):
    """Put a link where a file or folder is."""

    def happens():
        os.rename(place, f"{place}.was")
        os.symlink(target, place)

    return happens


def known(world):
    """Return everything that the repository holds."""
    argv = ["git", "-C", world.repo, "cat-file", "--batch-all-objects", "--batch", "--unordered"]
    return subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout


@pytest.mark.parametrize("part", ["f1.py", "sub", ""])
def test_a_link_that_takes_a_files_or_folders_place_is_not_read_through(filled, part):
    filled.write(filled.root / "elsewhere", "sub/f1.py", SECRET)
    filled.host(f"{API}/sub/f1.py", "edit\n")
    filled.host(f"{API}/f1.py", "edit\n")
    place = filled.there / "app" / API / part
    result = filled.sync(Moving(swap(str(place).rstrip("/"), filled.root / "elsewhere" / part)))
    assert (result.parity, result.ok()) == (False, False)
    assert SECRET.encode() not in known(filled)
    assert (filled.repo / API / "f1.py").read_text() != SECRET


@pytest.mark.parametrize("part", ["f1.py", "sub", ""])
def test_a_link_that_takes_a_files_or_folders_place_is_not_written_through(filled, part):
    filled.home(f"{API}/sub/f1.py", "first\n")
    assert filled.sync().parity
    filled.write(filled.root / "elsewhere", "sub/f1.py", SECRET)
    filled.write(filled.repo, f"{API}/sub/f1.py", "newer\n")
    filled.home(f"{API}/f1.py", "newer\n")
    before = tree(filled.root / "elsewhere")
    place = filled.there / "app" / API / part
    result = filled.sync(Moving(swap(str(place).rstrip("/"), filled.root / "elsewhere" / part)))
    assert (result.parity, result.ok()) == (False, False)
    assert tree(filled.root / "elsewhere") == before
    assert result.error.message
    assert "link" in result.error.message or result.skipped


class Spoiling(Direct):
    """A host that sends other bytes than it announced."""

    def __init__(self, spoil):
        super().__init__("pod")
        object.__setattr__(self, "spoil", spoil)


SPOILT = {
    "other": lambda content: content.replace(b"edit", b"evil"),
    "longer": lambda content: content + b"more" if content else content,
    "shorter": lambda content: content[:-1],
    "none": lambda _: b"",
}


@pytest.mark.parametrize("how", SPOILT)
def test_bytes_that_do_not_match_their_id_become_nothing(filled, how):
    filled.host(f"{API}/f1.py", "edit\n")
    result = filled.sync(Spoiling(SPOILT[how]))
    assert (result.parity, result.ok(), len(filled.log)) == (False, False, 1)
    assert "f1.py" in result.error.message or isinstance(result.error, RemoteError)
    assert b"evil" not in known(filled)
    assert filled.sync().parity


class Flooding(Direct):
    """A host whose answer to a look is made elsewhere."""

    def __init__(self, entries):
        super().__init__("pod")
        object.__setattr__(self, "entries", entries)

    def run(self, argv, **options):
        head = b'{"pod": "pod", "maps": {"shared": {"root": "absent", "marker": null}, '
        head += b'"api": {"root": "tree", "marker": null, '
        tail = b'], "odd": [], "pruned": [], "wide": false}}}\n'
        return Completed(tuple(argv), 0, head + b'"entries": [' + self.entries + tail, b"", 0.1)


def row(path, size=3):
    return b'["%s", "100644", "%s", %d, ""]' % (path, b"1" * 40, size)


FLOODS = {
    "a million entries": (lambda: b",".join([row(b"a")] * 10**6), "that is no agent"),
    "more entries than a look takes": (lambda: b",".join(row(b"%d" % one) for one in range(60_000)), "40,000 entries"),
    "one path that is all folders": (lambda: row(b"a/" * 3_000_000 + b"a"), "a path of 6,000,001 letters"),
    "a hundred gigabytes": (lambda: row(b"a", 100 << 30), "107374182400 bytes"),
    "and in files that fit": (lambda: b",".join(row(b"%d" % one, 49 << 20) for one in range(2100)), "MB of new files"),
    "a file below a file": (lambda: row(b"a") + b"," + row(b"a/b"), "a file below a file"),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_more_than_anybody_has_is_refused_in_words_and_soon(filled, flood):
    entries, words = FLOODS[flood]
    before = (filled.git("rev-parse", "--all"), tree(filled.repo / API), filled.git("count-objects"))
    result = filled.sync(Flooding(entries()), source="host", allow_deletes=True)
    assert isinstance(result.error, DgopsError)
    assert words in result.error.message
    assert before == (filled.git("rev-parse", "--all"), tree(filled.repo / API), filled.git("count-objects"))


def test_a_name_that_steers_a_terminal_is_harmless_in_every_message(filled, capsys):
    from dgops.cli import sync as command

    name = "red\x1b[31m\x07\u202e.py"
    filled.host(f"{API}/{name}", "x\n")
    os.symlink("/etc/\x1b]0;owned\x07", filled.there / "app" / API / "link")
    result = filled.sync()
    assert len(result.refused) == 2
    command._show(result, False)
    shown = "".join(capsys.readouterr())
    assert "refused" in shown
    assert not [letter for letter in shown if letter in "\x1b\x07\u202e"]


def test_a_tracked_name_that_no_host_may_send_is_not_taken_from_one(filled):
    for name in ("red\x1b[31m.py", "back\\slash", ".dgops-own.json"):
        filled.write(filled.repo, f"{API}/{name}", "home's\n")
        filled.host(f"{API}/{name}", "the host's\n")
    filled.commit("odd names")
    head = filled.head
    result = filled.sync()
    assert (result.changes, filled.head) == ((), head)
    assert (filled.repo / API / "back\\slash").read_text() == "home's\n"


def test_an_agent_that_loses_its_mind_after_the_commit_does_not_hide_it(filled):
    looks = []

    class Late(Direct):
        def tamper(self, command, answer):
            looks.append(command)
            return {"maps": 7} if looks.count("scan") > 1 else answer

    filled.host(f"{API}/f1.py", "edit\n")
    filled.home(f"{API}/f2.py", "newer\n")
    result = filled.sync(Late("pod"))
    assert (result.outcome, result.parity, result.ok()) == ("merged", False, False)
    assert result.commit == filled.head
    assert isinstance(result.error, RemoteError)
    assert filled.sync().parity


def test_a_file_over_the_limit_is_left_out_with_a_way_out(filled, monkeypatch):
    monkeypatch.setattr(snapshot, "MAX_BYTES", 1 << 20)
    filled.host(f"{API}/model.bin", bytes(2 << 20))
    result = filled.sync()
    (left,) = result.skipped
    assert left.path == f"{API}/model.bin"
    assert ".gitignore" in left.reason
    assert (result.parity, result.ok()) == (True, True)
