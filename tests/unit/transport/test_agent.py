"""The agent over a transport: shipped when it is missing, its troubles told in words."""

import json

import pytest

from dgops.errors import AccessError, RemoteError
from dgops.transport import agent
from dgops.transport.fake import Answer, FakeTransport

PATH = f".cache/dgops/agent/{agent.digest()}.pyz"


def test_the_zip_is_the_same_twice():
    first = agent.archive()
    agent.archive.cache_clear()
    assert agent.archive() == first


def test_one_round_trip_where_it_is_there():
    host = FakeTransport(answers=[Answer(("sh",), stdout=b'{"facts": {}}')])
    assert agent.call(host, "probe", {"checks": []}) == {"facts": {}}
    assert [(argv[-3:], json.loads(stdin)) for argv, stdin in host.calls] == [
        (("python3", PATH, "probe"), {"checks": []})
    ]


def test_shipped_where_it_is_missing():
    missing = f"python3: can't open file '/root/{PATH}': [Errno 2] No such file".encode()
    host = FakeTransport(answers=[Answer(("sh",), stderr=missing, returncode=2)])
    with pytest.raises(RemoteError, match="exit 2"):
        agent.call(host, "probe", {})
    assert host.files == {PATH: agent.archive()}
    assert len(host.calls) == 2


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (Answer(("sh",), returncode=127, stderr=b"python3: not found"), AccessError, "python3 is missing"),
        (Answer(("sh",), returncode=126, stderr=b"dgops-no-sudo ann\n"), AccessError, "ann may not become root"),
        (Answer(("sh",), returncode=1, stderr=b"sudo: python3: command not found"), AccessError, "python3 is missing"),
        (Answer(("sh",), returncode=70, stderr=b"KeyError: 'x'"), RemoteError, "exit 70: KeyError: 'x'"),
        (Answer(("sh",), stdout=b'{"error": "OSError: disk"}'), RemoteError, "OSError: disk"),
        (Answer(("sh",), stdout=b"\x1b[2J not json"), RemoteError, "exit 0"),
        (Answer(("sh",), stdout=b"[1, 2]"), RemoteError, "no JSON object"),
        (Answer(("sh",), stdout=b"[" * 200_000), RemoteError, "exit 0"),
        (Answer(("sh",), stdout=b" " * 9_000_000), RemoteError, "8 MB: that is no agent"),
        (Answer(("sh",), stdout=b'{"error": {"a": 1}}'), RemoteError, "{'a': 1}"),
    ],
)
def test_troubles(answer, error, words):
    with pytest.raises(error) as caught:
        agent.call(FakeTransport(answers=[answer]), "probe", {})
    assert words in caught.value.message
    assert len(caught.value.message) < 400
    assert "\n" not in caught.value.message
