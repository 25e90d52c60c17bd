"""The agent over a transport: shipped when it is missing, its troubles told in words."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dgops.deploy import cargo
from dgops.errors import AccessError, RemoteError
from dgops.events.trace import FORM
from dgops.transport import agent
from dgops.transport.fake import Answer, FakeTransport

PATH = f".cache/dgops/compiled/{agent.digest()}.pyz"


def test_the_zip_is_the_same_twice():
    first = agent.archive()
    agent.archive.cache_clear()
    assert agent.archive() == first


def test_one_round_trip_where_it_is_there():
    host = FakeTransport(answers=[Answer(("sh",), stdout=b'{"facts": {}}')])
    assert agent.call(host, "probe", {"checks": []}) == {"facts": {}}
    ((argv, stdin),) = host.calls
    assert argv[-3:] == ("python3", PATH, "probe")
    request = json.loads(stdin)
    assert FORM.fullmatch(request.pop("traceparent"))
    assert request == {"checks": []}


def test_shipped_where_it_is_missing():
    missing = f"python3: can't open file '/root/{PATH}': [Errno 2] No such file".encode()
    host = FakeTransport(answers=[Answer(("sh",), stderr=missing, returncode=2)])
    with pytest.raises(RemoteError, match="exit 2"):
        agent.call(host, "probe", {})
    assert host.files == {f"{PATH}.new": agent.archive()}
    assert [argv[-1] for argv, _ in host.calls] == ["probe", PATH, "probe"]


def compiled(folder, content):
    (folder / "a.pyz.new").write_bytes(content)
    argv = [sys.executable, "-c", agent.COMPILE, folder / "a.pyz.new", folder / "a.pyz"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert {path.name for path in folder.glob("a.pyz*")} <= {"a.pyz"}
    return done


def test_the_host_adds_its_bytecode_and_leaves_nothing_else(tmp_path):
    for _ in range(2):
        assert compiled(tmp_path, agent.archive()).returncode == 0
    with zipfile.ZipFile(tmp_path / "a.pyz") as made:
        sources = {name for name in made.namelist() if name.endswith(".py")}
        assert {name[:-1] for name in made.namelist() if name.endswith(".pyc")} == sources
    done = subprocess.run([sys.executable, tmp_path / "a.pyz", "job"], input=b"{}", capture_output=True, timeout=60)
    assert done.returncode == 70
    assert f'File "{tmp_path}/a.pyz/dgops/agent/job.py", line' in done.stderr.decode()
    program = "import sys; sys.path.insert(0, sys.argv[1]); import dgops.agent.job as job; print(job.__file__)"
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "a.pyz"], capture_output=True, text=True, cwd="/")
    assert done.stdout.strip() == f"{tmp_path}/a.pyz/dgops/agent/job.pyc"


def test_bytecode_of_another_python_is_passed_over(tmp_path):
    compiled(tmp_path, agent.archive())
    with zipfile.ZipFile(tmp_path / "a.pyz") as made, zipfile.ZipFile(tmp_path / "b.pyz", "w") as other:
        for name in made.namelist():
            content = made.read(name)
            other.writestr(name, b"other" + content[4:] if name.endswith(".pyc") else content)
    argv = [sys.executable, tmp_path / "b.pyz", "scan"]
    request = b'{"maps": [], "seconds": 1, "max_bytes": 1, "max_entries": 1}'
    done = subprocess.run(argv, input=request, capture_output=True, timeout=60)
    assert "maps" in json.loads(done.stdout)


def test_a_zip_that_did_not_come_whole_is_no_agent(tmp_path):
    assert compiled(tmp_path, agent.archive()[:-1000]).returncode == 1
    assert not (tmp_path / "a.pyz").exists()


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


def test_it_is_not_where_a_controller_keeps_what_roles_carry(tmp_path):
    carried = Path(cargo.build(tmp_path / ".cache/dgops")["agent"]["path"])
    assert carried.name == Path(PATH).name
    assert carried != tmp_path / PATH
