"""Uploads to the real agent: only what is missing, in parts, gone on with, and the mirror equals the source."""

import os
from pathlib import Path

import pytest

from dgops.errors import DgopsError, UnreachableError
from dgops.jobs import source, transfer
from dgops.jobs.job import Input
from dgops.jobs.mirror import Mirror
from dgops.jobs.transfer import upload


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "photos"
    (made / "deep").mkdir(parents=True)
    (made / "a.jpg").write_bytes(b"a" * 10)
    (made / "deep/big.bin").write_bytes(os.urandom(2500))
    (made / "none").write_bytes(b"")
    (made / "run.sh").write_text("#!/bin/sh\n")
    (made / "run.sh").chmod(0o755)
    return made


@pytest.fixture(autouse=True)
def small_rounds(monkeypatch):
    monkeypatch.setattr(transfer, "ROUND_BYTES", 1000)


def read(*inputs):
    return source.read([Input(path, path.name) for path in inputs], "here", inputs[0].parent / "state")


def contents(folder):
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in Path(folder).rglob("*")
        if path.is_file()
    }


def test_the_mirror_equals_the_source(link, base, user, heard, folder):
    sources = read(folder)
    moved = upload(link, base, user, sources, heard)
    mirror = f"{base}/inputs/{sources[0].key}"
    assert contents(mirror) == contents(folder)
    assert (moved.files, moved.already, moved.sent) == (4, 0, 4)
    assert heard.moves[-1][1:] == (2520, 2520)
    again = upload(link, base, user, sources, heard)
    assert (again.already, again.sent) == (4, 0)
    (folder / "a.jpg").unlink()
    (folder / "run.sh").chmod(0o644)
    (folder / "new").write_text("new")
    third = upload(link, base, user, read(folder), heard)
    assert (third.files, third.already) == (4, 2)
    assert contents(mirror) == contents(folder)


def test_a_single_file_and_an_empty_folder(link, base, user, heard, folder, tmp_path):
    (tmp_path / "empty").mkdir()
    sources = read(folder / "a.jpg", tmp_path / "empty")
    upload(link, base, user, sources, heard)
    assert list(contents(f"{base}/inputs/{sources[0].key}")) == ["a.jpg"]
    assert os.listdir(f"{base}/inputs/{sources[1].key}") == []


def test_what_a_job_changed_in_the_mirror_is_mended(link, base, user, heard, folder):
    sources = read(folder)
    upload(link, base, user, sources, heard)
    Path(f"{base}/inputs/{sources[0].key}/a.jpg").write_text("changed")
    assert upload(link, base, user, sources, heard).sent == 1


def test_what_is_there_already_takes_one_question(link, base, user, heard, folder, monkeypatch):
    """A second trip, to trim what is as it should be, took as long as the first."""
    sources, asked, ask = read(folder), [], link.exchange
    upload(link, base, user, sources, heard)
    mirror = Path(f"{base}/inputs/{sources[0].key}")

    def counting(command, request, payload=b"", *, timeout=300.0):
        asked.append(request["op"])
        return ask(command, request, payload, timeout=timeout)

    monkeypatch.setattr(link, "exchange", counting)
    upload(link, base, user, sources, heard)
    assert asked == ["digest"]
    for stranger in ("more.jpg", "deep/link"):
        (mirror / stranger).symlink_to("nowhere") if "link" in stranger else (mirror / stranger).write_text("x")
        upload(link, base, user, sources, heard)
        assert not os.path.lexists(mirror / stranger)
    assert asked == ["digest", "digest", "trim", "digest", "trim"]


class Cut:
    """A link whose answer is lost once, after the work was done."""

    def __init__(self, link, at):
        self.link, self.at, self.count, self.cuts, self.host = link, at, 0, 0, link.host

    def exchange(self, command, request, payload=b"", *, timeout=300.0):
        answer = self.link.exchange(command, request, payload, timeout=timeout)
        if request["op"] == "put":
            self.count += 1
            if self.count == self.at:
                # As a real one does: the same again, after the cut was counted.
                self.cuts += 1
                answer = self.link.exchange(command, request, payload, timeout=timeout)
        return answer


@pytest.mark.parametrize("at", [2, 4, 5])
def test_a_lost_answer_loses_nothing(link, base, user, heard, folder, at):
    sources = read(folder)
    upload(Cut(link, at), base, user, sources, heard)
    assert contents(f"{base}/inputs/{sources[0].key}") == contents(folder)


def test_a_part_that_got_lost_is_sent_from_where_the_host_stands(link, base, user, heard, folder, monkeypatch):
    sources = read(folder)
    ask, puts = link.exchange, []

    def losing(command, request, payload=b"", *, timeout=300.0):
        puts.append(request) if request["op"] == "put" else None
        if len(puts) == 4 and request["op"] == "put":
            # Cut in the middle: what was held of the file is less than was sent.
            parts = Path(base) / "inputs" / sources[0].key / ".dgops-parts"
            for part in parts.iterdir():
                os.truncate(part, 300)
            link.cuts += 1
        return ask(command, request, payload, timeout=timeout)

    monkeypatch.setattr(link, "exchange", losing)
    upload(link, base, user, sources, heard)
    assert contents(f"{base}/inputs/{sources[0].key}") == contents(folder)
    assert len(puts) > 5


def test_a_killed_upload_is_gone_on_with(link, base, user, heard, folder, monkeypatch):
    sources = read(folder)
    sent = []
    ask = link.exchange

    def dying(command, request, payload=b"", *, timeout=300.0):
        if request["op"] == "put" and len(payload) and len(sent) == 2:
            raise UnreachableError("here: gone")
        sent.append(len(payload)) if request["op"] == "put" and payload else None
        return ask(command, request, payload, timeout=timeout)

    monkeypatch.setattr(link, "exchange", dying)
    with pytest.raises(UnreachableError):
        upload(link, base, user, sources, heard)
    monkeypatch.setattr(link, "exchange", ask)
    mirror = Mirror(link, base, user, sources[0])
    assert mirror.begun(["deep/big.bin"], 1000) == {"deep/big.bin": 1000}
    upload(link, base, user, sources, heard)
    assert contents(mirror.root) == contents(folder)
    assert sorted(os.listdir(mirror.root)) == ["a.jpg", "deep", "none", "run.sh"]


def test_a_file_that_changes_meanwhile(link, base, user, heard, folder):
    sources = read(folder)
    (folder / "deep/big.bin").write_bytes(b"short")
    with pytest.raises(DgopsError, match=r"big\.bin changed while it was sent"):
        upload(link, base, user, sources, heard)
