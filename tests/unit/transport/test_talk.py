"""A conversation with one agent: the answers of agents of their own, whatever happens to it in between."""

import getpass
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dgops.errors import RemoteError, UnreachableError
from dgops.hosts.host import Host
from dgops.transport import agent
from dgops.transport import talk as talks
from dgops.transport.become import as_root
from dgops.transport.channel import LocalChannel, NoSessionError, SshChannel
from dgops.transport.connect import connect
from dgops.transport.fake import Answer, FakeTransport
from dgops.transport.local import LocalTransport
from dgops.transport.talk import TalkingTransport

ALONE = ({"alone": True}, b"rest")
# Asked alone it says so; serving, it does what a test says with each question.
SPEAKS = """\
if [ "$1" != serve ]; then cat >/dev/null; echo '{"alone": true}'; printf rest; exit; fi
%s
while read command size; do head -c $size >/dev/null; %s; done
"""
GOOD = r"""printf '10\n{"ok": 1}\n4\nrest0\n'"""
SAID = ({"ok": 1}, b"rest")
# The agent that serves, on a host where it takes its time to begin.
LATE = """\
import sys, time
time.sleep(1)
from dgops.agent.serve import serve
open(sys.argv[1], "w").close()
def respond(name, question, write):
    with open(sys.argv[2], "a") as stream:
        stream.write("late\\n")
    write(b'{"ok": 1}\\n')
    return 0
serve(sys.stdin.buffer, sys.stdout.buffer, {"files": "os"}, respond)
"""


@pytest.fixture(params=["ssh", "local"])
def talk(request, settings):
    host = request.getfixturevalue("pod") if request.param == "ssh" else Host("here", "local")
    transport = connect(host, settings)
    yield transport
    transport.close()


def ask(transport, payload=b"", timeout=20.0):
    return agent.exchange(transport, "files", {}, payload, timeout=timeout)


@pytest.fixture
def speaking(monkeypatch):
    """Return `speaking(serves)`: what a shell on the host does with each question, in the agent's place."""

    def be(serves, greets="echo dgops agent"):
        program = SPEAKS % (greets, serves)
        monkeypatch.setattr(agent, "command_line", lambda command: ["sh", "-c", program, "sh", command])

    return be


def test_the_real_agent_is_shipped_and_then_stays(talk, tmp_path, monkeypatch):
    (tmp_path / "one").write_bytes(os.urandom(3_000_000))
    request = {"user": getpass.getuser(), "root": str(tmp_path)}
    listed = agent.call(talk, "live", {"checks": []})
    # Now it is there.
    monkeypatch.setattr(type(talk.beneath), "run", None)
    piece = {"path": "one", "offset": 1, "length": 4 << 20}
    for _ in range(3):
        answer, content = agent.exchange(talk, "files", {**request, "op": "read", "files": [piece, piece]})
        assert content == 2 * (tmp_path / "one").read_bytes()[1:]
        assert answer == {"lengths": [len(content) // 2] * 2}
        assert agent.call(talk, "live", {"checks": []}).keys() == listed.keys()


@pytest.mark.parametrize("command", ["job", "marker", "watch"])
def test_what_stays_behind_is_known_by_its_own_command_line(talk, command, monkeypatch):
    asked = []
    monkeypatch.setattr(type(talk), "open", lambda *_all: pytest.fail("it would be called serve"))
    monkeypatch.setattr(type(talk.beneath), "run", lambda _self, argv, **_more: asked.append(argv))
    talk.run(as_root(agent.command_line(command)))
    talk.run(["sh", "-c", "true"])
    talk.run([])
    assert len(asked) == 3


def test_who_asks_meanwhile_is_answered_beside_it(talk, speaking):
    speaking(f"sleep 1; {GOOD}")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(ask, talk)
        time.sleep(0.5)
        assert ask(talk) == ALONE
        assert first.result() == SAID
    assert ask(talk) == SAID


@pytest.mark.parametrize(
    "ends",
    [
        "exit 0",
        "exit 70",
        "kill -9 $$",
        r"""printf '10\n{"ok"'; exit 70""",
        r"""printf '10\n{"ok": 1}\n4\nre'; exit 0""",
        r"printf 10; exit 0",
    ],
)
def test_where_it_ends_the_question_is_asked_alone(talk, speaking, ends):
    speaking(ends)
    assert [ask(talk, b"payload") for _ in range(4)] == [ALONE] * 4


def test_one_that_ended_between_two_questions_begins_anew(talk, speaking):
    speaking(f"{GOOD}; exit 0")
    assert [ask(talk) for _ in range(6)] == [SAID, ALONE] * 3


@pytest.mark.parametrize(
    ("says", "error", "words"),
    [
        (r"echo nonsense", RemoteError, "files answered with something else"),
        (r"echo -1", RemoteError, "files answered with something else"),
        (r"head -c 100 /dev/zero", RemoteError, "files answered with something else"),
        (r"echo 9999999999", RemoteError, "more than 256 MB"),
        (r"printf '3\n[1]0\n'", RemoteError, "files answered with no JSON object"),
        (r"printf '2\nxx0\n'", RemoteError, "exit 0: xx"),
        (r"printf '0\n'", RemoteError, "nothing was said"),
        (r"""printf '17\n{"error": "disk"}0\n'""", RemoteError, "files failed: disk"),
        (r"sleep 30", UnreachableError, "no end within 1 s: sh"),
    ],
)
def test_troubles_in_words(talk, speaking, says, error, words):
    speaking(says)
    for _ in range(2):
        with pytest.raises(error, match=words):
            ask(talk, timeout=1.0)


@pytest.mark.parametrize("greets", ["cat >/dev/null", "echo nonsense from a host", "printf dgops; exit", "sleep 30"])
def test_who_does_not_say_that_it_serves_is_asked_alone(talk, speaking, monkeypatch, greets):
    monkeypatch.setattr(talks, "GREETING_SECONDS", 0.5)
    speaking(GOOD, greets)
    assert [ask(talk) for _ in range(3)] == [ALONE] * 3


def test_one_that_serves_too_late_answers_nothing(talk, tmp_path, monkeypatch):
    """It was sent the question already, and another one is asked it meanwhile: it must not be done twice at once."""
    monkeypatch.setattr(talks, "GREETING_SECONDS", 0.5)
    done, began = tmp_path / "done", tmp_path / "began"
    late = [sys.executable, "-c", LATE, str(began), str(done)]
    alone = ["sh", "-c", f"cat >/dev/null; echo alone >>{done}; echo '{{\"alone\": true}}'; printf rest"]
    monkeypatch.setattr(agent, "command_line", lambda command: late if command == "serve" else alone)
    assert ask(talk) == ALONE
    time.sleep(2)
    assert done.read_text() == "alone\n"
    # It was there, and tried to; on this machine it was killed before.
    assert began.exists() or isinstance(talk.beneath, LocalTransport)


def test_an_interrupted_question_leaves_the_next_one_its_own_answer(talk, speaking, monkeypatch):
    speaking(f"sleep 1; {GOOD}")

    def interrupted(self, until):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        for kind in (SshChannel, LocalChannel):
            patched.setattr(kind, "receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ask(talk)
    began = time.monotonic()
    assert ask(talk) == SAID
    assert time.monotonic() - began > 0.9


def test_a_host_that_allows_no_second_session_is_asked_alone(monkeypatch):
    host = FakeTransport(answers=[Answer(("sh",), stdout=b'{"alone": true}\nrest')])
    talk = TalkingTransport("fake", host)
    assert ask(talk) == ALONE
    monkeypatch.setattr(FakeTransport, "open", lambda *_all: pytest.fail("once is enough"))
    assert [ask(talk) for _ in range(3)] == [ALONE] * 3
    talk.close()
    assert host.closed


def test_who_needs_the_only_session_gets_it(narrow, settings, speaking):
    speaking(GOOD)
    talk = connect(narrow, settings)
    try:
        assert ask(talk) == SAID
        assert talk.run(["echo", "through"]).text == "through\n"
        assert [ask(talk), ask(talk)] == [ALONE] * 2
    finally:
        talk.close()


def test_a_file_takes_the_only_session_of_the_agent(narrow, settings, speaking, tmp_path):
    speaking(GOOD)
    talk = connect(narrow, settings)
    try:
        assert ask(talk) == SAID
        talk.put(b"data", str(tmp_path / "file"))
        assert (tmp_path / "file").read_bytes() == b"data"
        with pytest.raises(NoSessionError, match="narrow: the host allows no further session"):
            ask(talk)
    finally:
        talk.close()
