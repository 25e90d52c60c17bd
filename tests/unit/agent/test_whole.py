"""What nobody writes to: found by who has it open, whatever a clock says; pages make up the whole."""

import os
import subprocess
import sys
from functools import partial

import pytest

from dgops.agent import tree, whole
from dgops.agent.owner import Refusal


@pytest.fixture
def listed(agent_host):
    def call(root, *paths, after=""):
        request = {"op": "list", "root": str(root), "user": agent_host.user, "paths": list(paths), "after": after}
        return agent_host.exchange("files", request)[0]

    return call


def test_what_is_open_for_writing_is_left_out(listed, tmp_path):
    work = tmp_path / "work"
    (work / "results").mkdir(parents=True)
    (work / "results/whole.bin").write_bytes(b"12345")
    program = "import sys; f, g = open('results/half.bin', 'wb'), open('results/whole.bin')\nprint(1, flush=True)"
    program += "; sys.stdin.read()"
    writer = subprocess.Popen(
        [sys.executable, "-c", program], cwd=work, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    writer.stdout.readline()
    stamp = (work / "results/whole.bin").stat()
    found = listed(work, "results", "absent")
    assert found == {"files": {"results/whole.bin": [5, stamp.st_mtime_ns]}, "more": None}
    writer.communicate("", timeout=10)
    assert set(listed(work, "results")["files"]) == {"results/whole.bin", "results/half.bin"}


def test_no_work_folder_yet(listed, tmp_path):
    assert listed(tmp_path / "none", "x") == {"files": {}, "more": None}


def test_a_path_that_leads_out_is_refused(listed, tmp_path):
    assert "no path below" in listed(tmp_path, "../x")["refused"]


def test_pages_make_up_the_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(whole, "PAGE", 3)
    monkeypatch.setattr(tree, "MOST_FILES", 3)
    names = ["a/b", "a.b", "a/b.c", "a/b0/x", "z", "a-/x", "e", "f"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        if not (tmp_path / name).is_dir():
            (tmp_path / name).write_text(name)
    root = os.open(tmp_path, tree.FOLDER)
    try:
        paths = sorted(os.listdir(tmp_path))
        looks = (partial(whole.listing, root, paths), partial(tree.digest, root, None))
        for look in looks:
            after, found = "", []
            while after is not None:
                answer = look(after)
                found += answer["files"]
                after = answer["more"]
            assert sorted(found) == sorted(names)
        with pytest.raises(Refusal, match="too many"):
            tree.digest(root, None)
    finally:
        os.close(root)
