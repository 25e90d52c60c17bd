"""Following: every byte once, events as objects, until it is over and all is read."""

import threading

import pytest

from dgops.errors import RemoteError
from dgops.hosts.host import Host
from dgops.jobs.follow import follow
from dgops.jobs.job import Request
from dgops.jobs.link import Link
from dgops.jobs.submit import submit

VIEW = {"id": "0123abcd", "status": "running"}


class Log:
    """A host whose log grows by some bytes at each question."""

    def __init__(self, streams, step):
        self.host = Host("pod")
        self.streams, self.step, self.asked = {name: text.encode() for name, text in streams.items()}, step, []

    def call(self, command, request, timeout):
        assert command == "job"
        self.asked.append(request)
        offsets = request["offsets"]
        streams = {name: self._piece(data, offsets[name]) for name, data in self.streams.items()}
        over = all(offsets[name] + self.step >= len(data) for name, data in self.streams.items())
        return {"job": {**VIEW, "status": "succeeded" if over else "running"}, "streams": streams}

    def _piece(self, data, offset):
        piece = data[offset : offset + self.step]
        return {"offset": offset + len(piece), "text": piece.decode()}


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


@pytest.mark.parametrize("streams", [None, [], "x"])
def test_something_else(heard, streams):
    class Liar:
        host = Host("pod")

        def call(self, command, request, timeout):
            return {"job": VIEW, "streams": streams}

    with pytest.raises(RemoteError, match="pod answered"):
        follow(Liar(), "/base", "0123abcd", heard)


def test_offsets_that_go_back_end_nothing_and_double_nothing(heard):
    class Liar:
        host = Host("pod")

        def call(self, command, request, timeout):
            row = {"offset": 5, "text": "hello"} if not heard.texts else {"offset": -1, "text": "hello"}
            return {"job": {**VIEW, "status": "lost"}, "streams": {"stdout": row, "stderr": {"offset": "x", "text": 1}}}

    assert follow(Liar(), "/base", "0123abcd", heard).status == "lost"
    assert heard.texts == {"stdout": "hello"}


def test_a_gap_in_a_long_log_is_told_once(heard):
    class Long:
        host = Host("pod")

        def call(self, command, request, timeout):
            gap = {"offset": 1009, "text": "tail\n", "left_out": 1000}
            fresh = {"stdout": gap} if request["offsets"]["stdout"] < 1009 else {}
            return {"job": {**VIEW, "status": "succeeded"}, "streams": fresh}

    follow(Long(), "/base", "0123abcd", heard, {"stdout": 4})
    assert heard.texts == {"stdout": "tail\n"}
    assert heard.messages == ["stdout: 1,000 bytes from the middle of a long log are not kept"]


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
