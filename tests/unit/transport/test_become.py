import os

import pytest

from dgops.errors import AccessError
from dgops.transport.become import as_root, run_as_root, unwrapped
from dgops.transport.fake import Answer, FakeTransport
from dgops.transport.local import LocalTransport


def test_no_sudo_is_an_error_with_the_exact_cure():
    fake = FakeTransport(answers=[Answer(("sh",), returncode=126, stderr=b"dgops-no-sudo seanf\n")])
    with pytest.raises(AccessError, match="seanf may not become root") as caught:
        run_as_root(fake, ["id"])
    assert "echo 'seanf ALL=(ALL:ALL) NOPASSWD:ALL' > /etc/sudoers.d/seanf" in caught.value.hint


def test_a_host_that_does_not_finish_its_sentence():
    fake = FakeTransport(answers=[Answer(("sh",), returncode=126, stderr=b"dgops-no-sudo \n")])
    with pytest.raises(AccessError, match="the login user may not become root"):
        run_as_root(fake, ["id"])


def test_messages_name_the_command_and_not_its_wrapper():
    assert unwrapped(as_root(["id", "-u"])) == ["id", "-u"]
    assert unwrapped(["sh", "-c", "id"]) == ["sh", "-c", "id"]


def test_the_command_is_kept_as_it_is():
    assert as_root(["printf", "%s", "a b"])[-3:] == ["printf", "%s", "a b"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_stays_root():
    completed = run_as_root(LocalTransport(), ["sh", "-c", 'echo "$1"; id -u', "x", "it's $HOME"], stdin=b"")
    assert completed.text == "it's $HOME\n0\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")
def test_somebody_without_sudo(tmp_path):
    argv = ["setpriv", "--reuid=65534", "--clear-groups", "env", "PATH=/usr/bin:/bin", *as_root(["id"])]
    completed = LocalTransport().run(argv)
    assert completed.returncode == 126
    assert completed.stderr == b"dgops-no-sudo nobody\n"
