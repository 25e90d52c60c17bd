import pytest

from dgops.errors import RemoteError, UnreachableError
from dgops.hosts.host import Host
from dgops.transport.connect import connect
from dgops.transport.fake import Answer, FakeTransport

ROWS = [
    {"argv": ["uname"], "stdout": "Linux\n"},
    {"argv": ["uname", "-r"], "stdout": "6.1\n"},
    {"argv": ["false"], "returncode": 1, "stderr": "no"},
    {"argv": ["hang"], "unreachable": "no answer"},
]


def test_an_inventory_can_hold_the_script(settings):
    host = connect(Host("demo", connection="fake", variables={"dgops_fake_answers": ROWS}), settings)
    assert host.run(["uname", "-a"]).text == "Linux\n"
    assert host.run(["uname", "-r"]).text == "6.1\n"
    assert host.run(["false"]).complaint == "no"
    assert host.run(["other"]).returncode == 127
    with pytest.raises(UnreachableError, match="demo: no answer"):
        host.run(["hang"])
    assert [words for words, _ in host.calls][:2] == [("uname", "-a"), ("uname", "-r")]


def test_files(tmp_path):
    fake = FakeTransport(answers=[Answer(("x",))])
    fake.put(b"data", "/x")
    fake.get("/x", tmp_path / "a/b")
    assert (tmp_path / "a/b").read_bytes() == b"data"
    with pytest.raises(RemoteError):
        fake.get("/y", tmp_path / "c")
    fake.close()
    assert fake.closed
