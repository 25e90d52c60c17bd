"""Outputs from the real agent and from a lying host: verified, held to what was declared, past no link."""

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from soak import many

from dgops.errors import DgopsError, UnreachableError
from dgops.files import digest_bytes
from dgops.jobs import pull as pulling
from dgops.jobs.ask import Ask
from dgops.jobs.job import Output
from dgops.jobs.offers import offered
from dgops.jobs.pull import pull
from dgops.transport import bulk

JOB = "0123abcd"
ROW = {"size": 1, "sha256": digest_bytes(b"x"), "mode": 0o644}


@pytest.fixture
def work(base):
    folder = Path(base) / "jobs" / JOB / "work"
    (folder / "results/deep").mkdir(parents=True)
    (folder / "results/a.txt").write_bytes(b"a")
    (folder / "results/deep/big.bin").write_bytes(os.urandom(2500))
    (folder / "results/none").write_bytes(b"")
    (folder / "results/run.sh").write_text("run")
    (folder / "results/run.sh").chmod(0o755)
    (folder / "one.txt").write_text("one")
    return folder


@pytest.fixture(autouse=True)
def small_rounds(monkeypatch):
    monkeypatch.setattr(pulling, "ROUND_BYTES", 1000)


def test_a_folder_and_a_file(link, base, user, heard, work, tmp_path):
    home = tmp_path / "here"
    outputs = [Output("results", home / "results"), Output("one.txt", home / "one.txt"), Output("no", home / "no")]
    found = pull(link, base, user, JOB, outputs, heard)
    assert {str(one.path.relative_to(home)) for one in found.files} == {
        "results/a.txt",
        "results/deep/big.bin",
        "results/none",
        "results/run.sh",
        "one.txt",
    }
    for one in found.files:
        there = work / one.path.relative_to(home)
        assert one.path.read_bytes() == there.read_bytes()
        assert (one.sha256, one.size) == (digest_bytes(there.read_bytes()), there.stat().st_size)
    assert (home / "results/run.sh").stat().st_mode & 0o100
    assert found.missing == ("no",)
    assert heard.moves[-1][1:] == (2507, 2507)
    again = pull(link, base, user, JOB, outputs, heard)
    assert again.moved.already == 5


def test_an_absolute_one(link, base, user, heard, work, tmp_path):
    outputs = [Output(str(work / "results"), tmp_path / "home/x")]
    found = pull(link, base, user, JOB, outputs, heard)
    assert (tmp_path / "home/x/deep/big.bin").read_bytes() == (work / "results/deep/big.bin").read_bytes()
    assert len(found.files) == 4


def test_what_is_here_stays(link, base, user, heard, work, tmp_path):
    home = tmp_path / "results"
    home.mkdir()
    (home / "mine.txt").write_text("mine")
    (work / "results/link").symlink_to("/etc/passwd")
    pull(link, base, user, JOB, [Output("results", home)], heard)
    assert (home / "mine.txt").read_text() == "mine"
    assert not (home / "link").exists()
    assert "results/link" in heard.messages[0]
    assert not list(home.rglob(".dgops-*"))


def test_a_local_link_is_not_followed(link, base, user, heard, work, tmp_path):
    home = tmp_path / "results"
    home.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (home / "deep").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DgopsError, match="deep is a link"):
        pull(link, base, user, JOB, [Output("results", home)], heard)
    assert os.listdir(tmp_path / "elsewhere") == []
    assert os.listdir(home) == ["deep"], "nothing is written where something is in the way"


def test_names_that_fold_together(link, base, user, heard, work, tmp_path):
    (work / "results/A.TXT").write_text("other")
    with pytest.raises(DgopsError, match="take for one"):
        pull(link, base, user, JOB, [Output("results", tmp_path / "results")], heard)
    assert not (tmp_path / "results").exists()


def test_a_cut_download_is_gone_on_with(link, base, user, heard, work, tmp_path, monkeypatch):
    asked = []
    ask = link.exchange

    def counting(command, request, payload=b"", *, timeout=300.0):
        asked.extend((one["path"], one["offset"]) for one in request.get("files", ()))
        if len(asked) > 2:
            raise KeyboardInterrupt
        return ask(command, request, payload, timeout=timeout)

    monkeypatch.setattr(link, "exchange", counting)
    outputs = [Output("results/deep/big.bin", tmp_path / "big.bin")]
    with pytest.raises(KeyboardInterrupt):
        pull(link, base, user, JOB, outputs, heard)
    assert not (tmp_path / "big.bin").exists()
    asked.clear()
    pull(link, base, user, JOB, outputs, heard)
    assert asked == [("results/deep/big.bin", 2000)]
    assert (tmp_path / "big.bin").read_bytes() == (work / "results/deep/big.bin").read_bytes()


@pytest.fixture
def streams(monkeypatch):
    """Let every file of a kilobyte be a large one; holds what was asked for."""
    monkeypatch.setattr(pulling, "LARGE", 1000)
    asked = []
    true = bulk.stream

    def noting(host, settings, command, request, sink):
        asked.append((request["path"], request["offset"], request["length"]))
        return true(host, settings, command, request, sink)

    monkeypatch.setattr(bulk, "stream", noting)
    return asked


def test_a_large_file_comes_in_a_stream_of_its_own(link, base, user, heard, work, tmp_path, streams):
    found = pull(link, base, user, JOB, [Output("results", tmp_path / "results")], heard)
    assert streams == [("results/deep/big.bin", 0, 2500)]
    assert (tmp_path / "results/deep/big.bin").read_bytes() == (work / "results/deep/big.bin").read_bytes()
    assert found.moved.sent == 4
    assert heard.moves[-1] == ("home", 2504, 2504)


def test_a_cut_stream_is_gone_on_with(link, base, user, heard, work, tmp_path, streams, monkeypatch):
    true, cuts = bulk.stream, []

    def cut(host, settings, command, request, sink):
        def once(piece):
            sink(piece[:1500])
            if not cuts:
                cuts.append(1)
                raise UnreachableError("cut")
            sink(piece[1500:])

        return true(host, settings, command, request, once)

    monkeypatch.setattr(bulk, "stream", cut)
    pull(link, base, user, JOB, [Output("results", tmp_path / "results")], heard)
    assert streams == [("results/deep/big.bin", 0, 2500), ("results/deep/big.bin", 1500, 1000)]
    assert (tmp_path / "results/deep/big.bin").read_bytes() == (work / "results/deep/big.bin").read_bytes()
    assert any("connection was lost" in message for message in heard.messages)


@pytest.mark.parametrize("change", [b"short", os.urandom(2500), os.urandom(2600)])
def test_a_large_file_that_changes_meanwhile(link, base, user, heard, work, tmp_path, streams, monkeypatch, change):
    true = bulk.stream

    def changing(host, settings, command, request, sink):
        (work / "results/deep/big.bin").write_bytes(change)
        return true(host, settings, command, request, sink)

    monkeypatch.setattr(bulk, "stream", changing)
    with pytest.raises(DgopsError, match=r"changed while it was read: results/deep/big\.bin"):
        pull(link, base, user, JOB, [Output("results", tmp_path / "results")], heard)
    assert not (tmp_path / "results/deep/big.bin").exists()
    assert not list(tmp_path.rglob("*.part"))


def test_a_large_file_that_nobody_wants_any_more_stays_begun(link, base, user, heard, work, tmp_path, streams):
    offers, _ = offered(Ask(link, base, user, JOB), Output("results/deep", tmp_path / "deep"), heard)
    wanted = iter([True, False])
    _, changed = pulling.bring(link, user, offers, heard, lambda: next(wanted, False))
    assert not changed
    assert not (tmp_path / "deep/big.bin").exists()


def test_what_changes_meanwhile_is_told_and_the_rest_is_home(link, base, user, heard, work, tmp_path, monkeypatch):
    ask = link.exchange

    def growing(command, request, payload=b"", *, timeout=300.0):
        if request["op"] == "read":
            (work / "results/a.txt").write_bytes(b"b")
        return ask(command, request, payload, timeout=timeout)

    monkeypatch.setattr(link, "exchange", growing)
    with pytest.raises(DgopsError, match=r"changed while it was read: results/a\.txt"):
        pull(link, base, user, JOB, [Output("results", tmp_path / "results")], heard)
    assert not (tmp_path / "results/a.txt").exists()
    assert (tmp_path / "results/run.sh").exists()


def test_very_many_files(link, base, user, heard, work, tmp_path, monkeypatch):
    monkeypatch.setattr(pulling, "ROUND_BYTES", 16 << 20)
    count = many(5000)
    for number in range(count):
        folder = work / f"many/{number // 1000}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.txt").write_text(str(number))
    found = pull(link, base, user, JOB, [Output("many", tmp_path / "many")], heard)
    assert (found.moved.files, found.moved.sent) == (count, count)
    last = count - 1
    assert (tmp_path / f"many/{last // 1000}/{last}.txt").read_text() == str(last)
    assert sum(1 for path in (tmp_path / "many").rglob("*") if path.is_file()) == count


@pytest.mark.parametrize("content", [b"y", b"", b"xx"])
def test_other_content_is_not_kept(liar, heard, tmp_path, content):
    with pytest.raises(DgopsError):
        pull(liar({"results": ROW}, content), "/base", "u", JOB, [Output("results", tmp_path / "results")], heard)
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == []


def test_more_than_fits(liar, heard, tmp_path):
    huge = {"results": {**ROW, "size": 1 << 49}}
    with pytest.raises(DgopsError, match="GB free"):
        pull(liar(huge), "/base", "u", JOB, [Output("results", tmp_path / "results")], heard)


@settings(derandomize=True, max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(max_size=12).map(lambda text: f"results/{text}"), st.just(ROW), max_size=4))
def test_whatever_the_names_nothing_is_written_elsewhere(liar, heard, tmp_path_factory, files):
    top = tmp_path_factory.mktemp("top")
    home = top / "a/b/results"
    with contextlib.suppress(DgopsError):
        pull(liar(files), "/base", "u", JOB, [Output("results", home)], heard)
    written = [path for path in top.rglob("*") if path.is_file() or path.is_symlink()]
    assert all(path.is_relative_to(home) for path in written)


def test_outputs_that_lie_in_one_another_come_once(link, base, user, heard, work, tmp_path):
    outputs = [Output(name, tmp_path / name) for name in ("results", "results", "results/deep")]
    found = pull(link, base, user, JOB, outputs, heard)
    assert len(found.files) == found.moved.files == 4
