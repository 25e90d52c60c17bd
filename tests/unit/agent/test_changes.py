"""A burst of saves is one answer; what the kernel does not tell is looked for."""

import os
import threading
import time

import pytest

from dgops.agent import changes


@pytest.fixture
def app(tmp_path):
    """A mapped folder with a file, a folder and what is pruned."""
    for name in ("app/api/main.py", "app/node_modules/x.js", "app/.git/HEAD"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path / "app"


def ask(app, since=None, wait=0.0, quiet=0.05, **more):
    maps = [{"name": "api", "path": str(app)}]
    return changes.answer(
        {"maps": maps, "prune": ["node_modules"], "since": since or {}, "wait": wait, "quiet": quiet, **more}
    )


def later(seconds, work):
    timer = threading.Timer(seconds, work)
    timer.start()
    return timer


def test_nothing_changed_and_the_state_says_so_again(app):
    first = ask(app)
    assert (first["changed"], first["slow"]) == ([], [])
    assert ask(app, first["state"]) == first


@pytest.mark.parametrize(
    "change",
    [
        lambda app: (app / "api/main.py").write_text("longer"),
        lambda app: (app / "api/main.py").chmod(0o755),
        lambda app: (app / "api/main.py").unlink(),
        lambda app: (app / "api/main.py").rename(app / "api/other.py"),
        lambda app: (app / "api").rename(app / "moved"),
        lambda app: (app / "empty").mkdir(),
        lambda app: os.symlink("main.py", app / "api/link"),
        lambda app: (app / "api/\udcff").write_text("not UTF-8"),
    ],
)
def test_a_change_between_two_questions_is_found_at_once(app, change):
    since = ask(app)["state"]
    change(app)
    found = ask(app, since, wait=30)
    assert found["changed"] == ["api"]
    assert ask(app, found["state"])["changed"] == []


@pytest.mark.parametrize("path", ["node_modules/new.js", ".git/index", ".dgops-x.part"])
def test_what_never_comes_home_wakes_nobody(app, path):
    since = ask(app)["state"]
    (app / path).write_text("noise")
    assert ask(app, since)["changed"] == []


def test_a_burst_of_saves_is_one_answer(app):
    since = ask(app)["state"]

    def burst():
        (app / "made/deep").mkdir(parents=True)
        for number in range(10):
            (app / f"made/deep/f{number}").write_text("x")
            time.sleep(0.02)

    timer = later(0.1, burst)
    found = ask(app, since, wait=30, quiet=0.3)
    timer.join()
    assert found["changed"] == ["api"]
    assert ask(app, found["state"])["changed"] == []


def test_a_file_that_is_written_without_end_holds_nothing_back(app, monkeypatch):
    monkeypatch.setattr(changes, "LONGEST_BURST", 0.3)
    since, stop = ask(app)["state"], threading.Event()

    def log():
        with (app / "api/server.log").open("a") as stream:
            while not stop.wait(0.01):
                stream.write("line\n")
                stream.flush()

    writer = threading.Thread(target=log)
    writer.start()
    try:
        assert ask(app, since, wait=30, quiet=1.0)["changed"] == ["api"]
    finally:
        stop.set()
        writer.join()


def test_without_the_kernel_it_looks_from_time_to_time(app, monkeypatch):
    monkeypatch.setattr(changes.mounts, "filesystem", lambda path: "fuse.mfs")
    monkeypatch.setattr(changes, "SLOW_PAUSE", 0.05)
    since = ask(app)["state"]
    timer = later(0.1, lambda: (app / "api/main.py").write_text("other"))
    found = ask(app, since, wait=30)
    timer.join()
    assert (found["changed"], found["slow"]) == (["api"], ["api"])


def test_a_folder_may_come_and_go(app, tmp_path, monkeypatch):
    monkeypatch.setattr(changes, "SLOW_PAUSE", 0.05)
    absent = ask(tmp_path / "later")["state"]
    timer = later(0.1, lambda: app.rename(tmp_path / "later"))
    assert ask(tmp_path / "later", absent, wait=30)["changed"] == ["api"]
    timer.join()


def test_a_link_in_the_way_is_nothing(app, tmp_path):
    os.symlink(app, tmp_path / "link")
    assert ask(tmp_path / "link")["state"] == {"api": "absent"}
