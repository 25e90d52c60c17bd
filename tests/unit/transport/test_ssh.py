import contextlib
import os
import shlex
import socket
import subprocess
import time
from dataclasses import replace

import pytest

from dgops.errors import AccessError, HostKeyError, RemoteError, UnreachableError
from dgops.transport import exchange
from dgops.transport.connect import connect
from dgops.transport.known_hosts import fingerprint

from .conftest import free_port, make_key

NASTY = ["a b", "it's", "$HOME", '"', "\\", "\\n", "!", "*", "é", "", "a\nb", "-x", ";", "`x`"]


def test_argv_arrives_as_it_is(transport):
    completed = transport.run(["printf", "%s\\0", *NASTY])
    assert completed.stdout.decode().split("\0")[:-1] == NASTY


def test_a_failing_command_is_a_result(transport):
    completed = transport.run(["sh", "-c", "echo out; echo err >&2; exit 7"])
    assert (completed.returncode, completed.stdout, completed.stderr) == (7, b"out\n", b"err\n")
    assert transport.run(["dgops-no-such-program"]).returncode == 127
    assert transport.run(["sh", "-c", "kill -9 $$"]).returncode == exchange.SIGNALLED


def test_large_input_and_output_at_once(transport):
    data = os.urandom(1 << 20) * 8
    completed = transport.run(["tee", "/dev/stderr"], stdin=data)
    assert completed.stdout == completed.stderr == data


def test_input_that_nobody_reads_blocks_nothing(transport):
    assert transport.run(["true"], stdin=b"x" * (8 << 20)).returncode == 0


def test_a_deadline_is_kept_and_names_the_command(transport):
    started = time.monotonic()
    with pytest.raises(UnreachableError, match=r"pod: no end within 0\.5 s: sleep 60"):
        transport.run(["sleep", "60"], timeout=0.5)
    assert time.monotonic() - started < 3
    assert transport.run(["echo", "still here"]).text == "still here\n"


def test_a_deadline_holds_for_a_command_that_trickles(transport):
    with pytest.raises(UnreachableError, match="no end within"):
        transport.run(["sh", "-c", "while :; do echo x; sleep 0.1; done"], timeout=0.6)


def test_too_much_output_is_refused(transport, monkeypatch):
    monkeypatch.setattr(exchange, "MAX_OUTPUT", 1 << 20)
    for line in ("yes", "yes >&2"):
        with pytest.raises(RemoteError, match="MB of output"):
            transport.run(["sh", "-c", line])


def test_a_connection_that_ends_is_told(transport):
    with pytest.raises(UnreachableError, match="connection was lost"):
        transport.run(["sh", "-c", "kill -9 $PPID; sleep 5"])
    with pytest.raises(UnreachableError, match="connection was lost"):
        transport.run(["true"])


def test_an_unknown_key_is_refused(sshd, settings):
    with pytest.raises(HostKeyError, match="no host key is pinned") as caught:
        connect(sshd.host(), settings)
    assert fingerprint(sshd.keys[0]) in caught.value.message
    assert "dgops hosts add pod" in caught.value.hint
    assert caught.value.exit_code == 3


def test_a_changed_key_is_refused_with_both_fingerprints(pod, sshd, settings, known_hosts, other_key):
    known_hosts.pin(pod.alias, [other_key])
    with pytest.raises(HostKeyError, match="not the pinned one") as caught:
        connect(pod, settings)
    assert f"pinned   ssh-ed25519 {fingerprint(other_key)}" in caught.value.message
    assert f"offered  ssh-ed25519 {fingerprint(sshd.keys[0])}" in caught.value.message
    assert "a pod makes new keys" in caught.value.message
    assert "somebody stands in between" in caught.value.message
    assert f"dgops hosts add pod --fingerprint {fingerprint(sshd.keys[0])}" in caught.value.hint


@pytest.mark.parametrize("index", [0, 1], ids=["ed25519", "rsa"])
def test_one_pinned_key_of_any_type_is_asked_for(pod, sshd, settings, known_hosts, index):
    known_hosts.pin(pod.alias, [sshd.keys[index]])
    connect(pod, settings).close()


def test_a_wrong_login_key_is_named(pod, settings, tmp_path):
    key = make_key(tmp_path / "wrong")
    with pytest.raises(AccessError, match=f"{key} \\(refused\\)") as caught:
        connect(replace(pod, identity=key), settings)
    assert "authorized_keys" in caught.value.hint


def test_a_key_with_a_passphrase_says_what_to_do(pod, settings, tmp_path):
    key = make_key(tmp_path / "locked", passphrase="secret")
    with pytest.raises(AccessError, match=f"ssh-add {key}"):
        connect(replace(pod, identity=key), settings)


def test_a_key_in_the_agent_is_used(pod, sshd, settings, tmp_path, monkeypatch):
    key = make_key(tmp_path / "locked", passphrase="secret")
    with (sshd.folder / "authorized_keys").open("a") as stream:
        stream.write(key.with_suffix(".pub").read_text())
    started = subprocess.run(["ssh-agent", "-a", str(tmp_path / "agent")], capture_output=True, text=True, check=True)
    agent = int(started.stdout.split("SSH_AGENT_PID=")[1].split(";")[0])
    ask = tmp_path / "ask"
    ask.write_text("#!/bin/sh\necho secret\n")
    ask.chmod(0o700)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        unlocked = os.environ | {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
        subprocess.run(["ssh-add", str(key)], env=unlocked, stdin=subprocess.DEVNULL, check=True, capture_output=True)
        connect(replace(pod, identity=key), settings).close()
    finally:
        os.kill(agent, 15)


def test_no_key_at_all(pod, settings, tmp_path):
    with pytest.raises(AccessError, match="there is no key to log in with"):
        connect(replace(pod, identity=tmp_path / "none", variables=only_key(tmp_path / "none")), settings)


def only_key(path):
    return {"ansible_ssh_common_args": f"-o IdentityFile={path} -o IdentityAgent=none"}


def test_refused_unknown_and_silent_are_told_apart(pod, settings):
    with pytest.raises(UnreachableError, match=r"pod: 127\.0\.0\.1 port \d+ refuses connections"):
        connect(replace(pod, port=free_port()), settings)
    with pytest.raises(UnreachableError, match=r"pod: no address is known for nowhere\.invalid"):
        connect(replace(pod, address="nowhere.invalid"), settings)
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        pytest.raises(UnreachableError, match="does not answer within"),
    ):
        connect(replace(pod, port=mute.getsockname()[1]), settings)


def test_a_server_that_is_no_sshd(pod, settings):
    import threading

    def answer(server):
        with contextlib.suppress(OSError):
            while True:
                client, _ = server.accept()
                client.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
                client.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, args=(server,), daemon=True).start()
        with pytest.raises(UnreachableError, match="not as SSH"):
            connect(replace(pod, port=server.getsockname()[1]), settings)


def test_an_sshd_that_hangs_up_first_is_asked_again(pod, settings, monkeypatch):
    from dgops.transport import proxy

    lost, dialled = [1, 2], proxy.dial

    def dial(*where):
        sock = dialled(*where)
        if lost:
            lost.pop()
            sock.shutdown(socket.SHUT_RDWR)
        return sock

    monkeypatch.setattr(proxy, "dial", dial)
    connect(pod, settings).close()
    assert not lost


def test_through_a_proxy_command(pod, settings, proxy_command):
    options = f"-o {shlex.quote(f'ProxyCommand={proxy_command}')}"
    opened = connect(replace(pod, variables={"ansible_ssh_common_args": options}), settings)
    assert opened.run(["echo", "through"], stdin=b"x" * (1 << 20)).text == "through\n"
    opened.close()
    assert opened.beneath.proxy.child.poll() is not None


def test_a_proxy_that_fails_says_why(pod, settings):
    host = replace(pod, variables={"ansible_ssh_common_args": "-o 'ProxyCommand=echo no way >&2; exit 1'"})
    with pytest.raises(UnreachableError, match="no way"):
        connect(host, settings)


def test_threads_share_a_connection(transport):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda number: transport.run(["echo", str(number)]).text.strip(), range(24))
        assert list(found) == [str(number) for number in range(24)]
