"""One agent for many questions: each is answered as an agent of its own would, and none leaves anything behind."""

import getpass
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dgops.agent.serve import GREETING

ROOT = Path(__file__).parents[3]
USER = getpass.getuser()
AGENT = [sys.executable, "-m", "dgops.agent", "serve"]
# Answers with what it finds, and leaves behind whatever a command might.
LEAVES = """
import json, os, subprocess, sys
from dgops.agent.serve import serve
def respond(name, stdin, write):
    found = {"here": os.getcwd(), "mask": os.umask(0o077), "left": os.environ.get("LEFT")}
    found["asked"] = stdin.read().decode()
    # Would take the next question from the agent, if it could.
    found["cat"] = subprocess.run(["cat"], stdout=subprocess.PIPE, timeout=20).stdout.decode()
    os.chdir("/usr")
    os.environ["LEFT"] = "x"
    if os.geteuid() == 0:
        os.setuid(65534)
    found["user"] = os.geteuid()
    write(json.dumps(found).encode())
    write(b"")
    write(b"more")
    return 0
sys.exit(serve(sys.stdin.buffer, sys.stdout.buffer, {"ask": "json"}, respond))
"""


def asked(*questions):
    """Return the bytes of questions: a command, and what an agent of its own would read."""
    return b"".join(f"{name} {len(one)}\n".encode() + one for name, one in questions)


def files(root, **more):
    """Return a question for the files of a folder."""
    request = {"op": "list", "user": USER, "root": str(root), "paths": [], "after": "", **more}
    return "files", json.dumps(request).encode() + b"\n"


def answers(data):
    """Return the pieces of each answer, and what is left behind the last that is whole."""
    assert data.startswith(GREETING)
    whole, pieces, data = [], [], data[len(GREETING) :]
    while data:
        head, found, rest = data.partition(b"\n")
        if not found or not head.isdigit() or len(rest) < int(head):
            break
        data = rest[int(head) :]
        if head == b"0":
            whole.append(pieces)
            pieces = []
        else:
            pieces.append(rest[: int(head)])
    return whole, pieces, data


def run(argv, content, **more):
    return subprocess.run(argv, input=content, capture_output=True, timeout=60, cwd=ROOT, **more)


def test_each_is_answered_as_by_an_agent_of_its_own(tmp_path):
    (tmp_path / "one").write_bytes(bytes(range(256)) * 9000)
    piece = {"path": "one", "offset": 3, "length": 1 << 20}
    questions = [
        files(tmp_path, paths=["one"]),
        ("live", b'{"checks": []}\n'),
        files(tmp_path, op="read", files=[piece, piece]),
        ("files", files("no/path")[1] + b"x" * 100_000),
        ("follow", json.dumps({"base": str(tmp_path), "id": "0123abcd", "offsets": {}}).encode()),
    ]
    done = run(AGENT, asked(*questions, *questions))
    assert (done.returncode, done.stderr) == (0, b"")
    whole, pieces, rest = answers(done.stdout)
    assert (len(whole), pieces, rest) == (2 * len(questions), [], b"")
    plain = [run([*AGENT[:-1], name], content).stdout for name, content in questions]
    assert [b"".join(one) for one in whole] == 2 * plain


def test_nothing_is_left_behind_for_the_next(tmp_path):
    done = run([sys.executable, "-c", LEAVES], asked(("ask", b"one"), ("ask", b"two")))
    whole, *rest = answers(done.stdout)
    found = [json.loads(first) for first, _ in whole]
    assert [one.pop("asked") for one in found] == ["one", "two"]
    assert rest == [[], b""]
    assert [more for _, *more in whole] == [[b"more"], [b"more"]]
    assert found[0] == found[1]
    assert (found[0]["left"], found[0]["cat"], found[0]["here"]) == (None, "", str(ROOT))


@pytest.mark.parametrize(
    "wrong",
    [
        b"rubbish\n",
        b"files x\n",
        b"files 2 0\n{}",
        b"nonsense 2\n{}",
        b"files 1\n{}",
        b"files 2\n{}",
        b"files 999\n{}",
        b"\xff\xfe 1\n",
        b"files 99999999999999999999\n",
        b"x" * 10_000,
    ],
)
def test_what_goes_wrong_ends_it_without_an_answer(tmp_path, wrong):
    good = asked(files(tmp_path))
    done = run(AGENT, good + wrong + good)
    whole, pieces, rest = answers(done.stdout)
    assert (len(whole), pieces, rest) == (1, [], b"")
    assert done.returncode != 0


def test_an_answer_that_dies_on_its_way_has_no_end():
    program = LEAVES.replace("return 0\n", "os.kill(os.getpid(), 9)\n")
    done = run([sys.executable, "-c", program], asked(("ask", b"one"), ("ask", b"two")))
    assert answers(done.stdout)[0] == []
    assert done.returncode == 70


@pytest.mark.parametrize("cut", ["stdin", "stdout"])
def test_it_ends_with_the_connection(cut):
    read, write = os.pipe()
    running = subprocess.Popen(AGENT, stdin=subprocess.PIPE, stdout=write, stderr=subprocess.DEVNULL, cwd=ROOT)
    os.close(write)
    if cut == "stdout":
        os.close(read)
        running.stdin.write(asked(files("/nowhere")))
    running.stdin.close()
    assert running.wait(30) in (0, 1, 70)
    if cut == "stdin":
        os.close(read)


def test_who_asks_nothing_for_long_has_gone():
    program = "import sys; from dgops.agent import serve, __main__ as front; serve.LONGEST_SILENCE = 1; " + (
        "sys.exit(serve.serve(sys.stdin.buffer, sys.stdout.buffer, front.COMMANDS, front.respond))"
    )
    running = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, cwd=ROOT)
    try:
        assert running.wait(30) < 0
    finally:
        running.stdin.close()
