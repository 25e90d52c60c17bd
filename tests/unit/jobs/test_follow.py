"""Following: every byte once, events as objects, until it is over and all is read."""

import threading

import pytest

from dgops.agent.jobdir import LEAST_BYTES, MOST_BYTES
from dgops.hosts.host import Host
from dgops.jobs.follow import follow
from dgops.jobs.job import Request
from dgops.jobs.link import Link
from dgops.jobs.submit import submit

VIEW = {"id": "0123abcd", "status": "running"}


def row(offset, length, **more):
    return {"offset": offset, "length": length, **more}


class Log:
    """A host whose log grows by some bytes at each question."""

    def __init__(self, streams, step):
        self.host = Host("pod")
        self.streams, self.step, self.asked = {name: text.encode() for name, text in streams.items()}, step, []

    def exchange(self, command, request, timeout):
        assert command == "follow"
        self.asked.append(request)
        offsets = request["offsets"]
        pieces = {name: data[offsets[name] : offsets[name] + self.step] for name, data in self.streams.items()}
        over = all(offsets[name] + self.step >= len(data) for name, data in self.streams.items())
        rows = {name: row(offsets[name] + len(piece), len(piece)) for name, piece in pieces.items()}
        seen = {**VIEW, "status": "succeeded" if over else "running"}
        return {"job": seen, "streams": rows}, b"".join(pieces.values())


@pytest.mark.parametrize("step", [1, 3, 7, 1000])
def test_all_of_it_once(heard, step):
    log = Log(
        {"stdout": "one\ntwo\n", "stderr": "err", "events": '{"event": "a"}\nrubbish\n[1]\n{"event": "b"}\n'}, step
    )
    found = follow(log, "/base", "0123abcd", heard)
    assert found.status == "succeeded"
    assert heard.texts == {"stdout": "one\ntwo\n", "stderr": "err"}
    assert heard.events == [{"event": "a"}, {"event": "b"}]


def test_from_an_offset_on(heard):
    follow(Log({"stdout": "one\ntwo\n"}, 100), "/base", "0123abcd", heard, {"stdout": 4})
    assert heard.texts == {"stdout": "two\n"}


def test_offsets_that_go_back_end_nothing_and_double_nothing(heard):
    class Liar:
        host = Host("pod")

        def exchange(self, command, request, timeout):
            said = row(-1 if heard.texts else 5, 5)
            return {"job": {**VIEW, "status": "lost"}, "streams": {"stdout": said, "stderr": row("x", 3)}}, b"helloerr"

    assert follow(Liar(), "/base", "0123abcd", heard).status == "lost"
    assert heard.texts == {"stdout": "hello"}


def test_a_gap_in_a_long_log_is_told_once(heard):
    class Long:
        host = Host("pod")

        def exchange(self, command, request, timeout):
            known = request["offsets"]["stdout"] >= 1009
            fresh = {} if known else {"stdout": row(1009, 5, left_out=1000)}
            return {"job": {**VIEW, "status": "succeeded"}, "streams": fresh}, b"" if known else b"tail\n"

    follow(Long(), "/base", "0123abcd", heard, {"stdout": 4})
    assert heard.texts == {"stdout": "tail\n"}
    assert heard.messages == ["stdout: 1,000 bytes from the middle of a long log are not kept"]


@pytest.mark.parametrize(
    ("seconds", "limits"),
    [
        (0.1, [LEAST_BYTES, 4 * LEAST_BYTES, 16 * LEAST_BYTES, MOST_BYTES, MOST_BYTES]),
        (3.0, [LEAST_BYTES, LEAST_BYTES, LEAST_BYTES, LEAST_BYTES, LEAST_BYTES]),
        (9.0, [LEAST_BYTES, LEAST_BYTES, LEAST_BYTES, LEAST_BYTES, LEAST_BYTES]),
    ],
)
def test_a_quick_line_is_asked_for_more_and_a_slow_one_is_not(heard, monkeypatch, seconds, limits):
    clock = [0.0]
    monkeypatch.setattr("dgops.jobs.follow.time.monotonic", lambda: clock[0])
    log = Log({"stdout": "x" * sum(limits)}, MOST_BYTES)

    class Line:
        host = log.host

        def exchange(self, command, request, timeout):
            clock[0] += seconds
            log.step = request["limit"]
            return log.exchange(command, request, timeout)

    follow(Line(), "/base", "0123abcd", heard)
    assert [one["limit"] for one in log.asked][:-1] == limits


def test_a_line_that_becomes_slow_is_asked_for_less(heard, monkeypatch):
    clock, trips = [0.0], [0.1] * 3 + [9.0] * 3 + [0.1]
    monkeypatch.setattr("dgops.jobs.follow.time.monotonic", lambda: clock[0])
    log = Log({"stdout": "x" * 4 * MOST_BYTES}, MOST_BYTES)

    class Line:
        host = log.host

        def exchange(self, command, request, timeout):
            clock[0] += trips[len(log.asked)] if len(log.asked) < len(trips) else 3.0
            log.step = request["limit"]
            return log.exchange(command, request, timeout)

    follow(Line(), "/base", "0123abcd", heard)
    assert [one["limit"] for one in log.asked][:8] == [
        LEAST_BYTES,
        4 * LEAST_BYTES,
        16 * LEAST_BYTES,
        MOST_BYTES,
        MOST_BYTES // 2,
        MOST_BYTES // 4,
        MOST_BYTES // 8,
        MOST_BYTES // 2,
    ]


def test_a_log_of_many_megabytes_comes_whole_in_few_trips(here, settings, base, heard, tmp_path, monkeypatch):
    # However busy this machine is: what a slow line gets has tests of its own.
    monkeypatch.setattr("dgops.jobs.fresh.QUICK", 600.0)
    folder = tmp_path / "root/dgops/jobs/0123abcd"
    folder.mkdir(parents=True)
    content = ("märz " * 200).encode().join([b"\xff\n"] * 20_000)
    for name, held in (("spec.json", b"{}"), ("status.json", b'{"status": "succeeded"}'), ("stdout.log", content)):
        (folder / name).write_bytes(held)
    with Link(here, settings) as link:
        asked = Counted(link)
        assert follow(asked, base, "0123abcd", heard).status == "succeeded"
    assert heard.texts["stdout"] == content.decode(errors="replace")
    assert asked.trips <= 8


class Counted:
    """A link that counts the questions."""

    def __init__(self, link):
        self.host, self.link, self.trips = link.host, link, 0

    def exchange(self, command, request, timeout):
        self.trips += 1
        answer, content = self.link.exchange(command, request, timeout=timeout)
        assert len(content) <= request["limit"]
        return answer, content


def test_several_follow_one_job_and_each_has_it_all(look_away, here, settings, base, heard):
    script = "i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo line $i; echo err $i >&2; sleep 0.05; done"
    job = submit(here, settings, Request("command", "x", ("sh", "-c", script)), heard)
    readers = [type(heard)() for _ in range(4)]

    def read(reader):
        with Link(here, settings) as link:
            follow(link, base, job.id, reader)

    threads = [threading.Thread(target=read, args=(reader,)) for reader in readers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for reader in readers:
        assert reader.texts["stdout"] == "".join(f"line {number}\n" for number in range(1, 41))
        assert reader.texts["stderr"] == "".join(f"err {number}\n" for number in range(1, 41))
        assert [one["event"] for one in reader.events] == ["created", "started", "finished"]
