import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from dgops.hosts.host import Host
from dgops.transport import ssh_config
from dgops.transport.ssh_config import ResolvedSsh, parse, resolve

CASES = Path(__file__).parents[2] / "cases/transport/ssh_g"


def case(name):
    return parse((CASES / f"{name}.txt").read_text())


def test_plain():
    found = case("plain")
    assert (found.address, found.port, found.user, found.identities_only, found.agent) == (
        "pod",
        22,
        "seanf",
        False,
        True,
    )
    assert Path.home() / ".ssh/id_ed25519" in found.identities
    assert found.proxy_argv(10) == []
    assert found.label == "seanf@pod port 22"


def test_jump():
    found = case("jump")
    assert found.proxy_argv(10)[-3:] == ["-W", "[10.0.0.1]:2222", "ssh://c"]
    assert found.proxy_argv(10)[-5:-3] == ["-J", "a@b:3"]
    assert "BatchMode=yes" in found.proxy_argv(10)


def test_proxy_command():
    found = case("proxy-command")
    assert found.proxy_argv(10) == ["sh", "-c", "exec nc -X 5 pod 22"]
    assert found.identities == (Path.home() / ".ssh/my key",)
    assert (found.identities_only, found.agent) == (True, False)


def test_tokens():
    found = ResolvedSsh("h", 2, "u", proxy_command="x %h %p %r %% %C")
    assert found.proxy_argv(1)[2] == "exec x h 2 u % %C"


def test_the_inventory_speaks_through_options():
    variables = {"ansible_ssh_common_args": "-o ProxyJump=bastion", "ansible_ssh_extra_args": "-o ForwardAgent=yes"}
    found = resolve(Host("pod", address="203.0.113.7", port=2200, user="seanf", variables=variables))
    assert (found.address, found.port, found.user, found.proxy_jump) == ("203.0.113.7", 2200, "seanf", "bastion")


@pytest.fixture
def hosts(tmp_path):
    key = tmp_path / "a key"
    key.touch()
    return [
        Host("pod", address="203.0.113.7", port=2200, user="root", identity=key),
        Host("gadget"),
        Host("here", connection="local"),
    ]


def test_what_is_written_is_what_openssh_reads(hosts, settings):
    written = ssh_config.write(hosts, settings)
    assert written.stat().st_mode & 0o777 == 0o600
    argv = ["ssh", "-F", str(written), "-G", "pod"]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    for line in (
        "hostname 203.0.113.7",
        "port 2200",
        "user root",
        "hostkeyalias dgops-pod",
        f"userknownhostsfile {settings.state}/known_hosts",
        "stricthostkeychecking true",
        "identitiesonly yes",
        "serveraliveinterval 5",
        "connecttimeout 3",
    ):
        assert line in told


def test_a_host_without_an_address_is_left_to_the_persons_own_configuration(hosts, settings):
    text = ssh_config.render(hosts, settings)
    block = text.split("Host gadget\n")[1].split("\n\n")[0]
    assert "HostName" not in block
    assert "HostKeyAlias dgops-gadget" in block
    assert "Host here" not in text


def test_a_jump_is_written(hosts, settings):
    host = replace(hosts[0], variables={"ansible_ssh_common_args": "-J bastion"})
    assert "  ProxyJump bastion\n" in ssh_config.render([host], settings)


def test_include_makes_the_file(tmp_path):
    target = tmp_path / ".ssh" / "config"
    assert ssh_config.include(target, Path("/x/config")) is True
    assert ssh_config.include(target, Path("/x/config")) is False
    assert target.read_text() == "Include /x/config\n"
    assert target.stat().st_mode & 0o777 == 0o600
    assert target.parent.stat().st_mode & 0o777 == 0o700


def test_include_keeps_text_mode_and_link(tmp_path):
    real = tmp_path / "dotfiles"
    real.write_text("# mine\nHost x\n  User y\n")
    real.chmod(0o640)
    target = tmp_path / "config"
    target.symlink_to(real)
    assert ssh_config.include(target, Path("/a folder/config")) is True
    assert target.is_symlink()
    assert real.read_text() == 'Include "/a folder/config"\n\n# mine\nHost x\n  User y\n'
    assert real.stat().st_mode & 0o777 == 0o640


def test_an_include_below_a_host_block_does_not_count(tmp_path):
    target = tmp_path / "config"
    target.write_text("Host x\n  Include /x/config\n")
    assert ssh_config.include(target, Path("/x/config")) is True
    assert target.read_text().startswith("Include /x/config\n")


def test_two_projects_are_both_included(tmp_path):
    target = tmp_path / "config"
    for name in ("/a/config", "/b/config", "/a/config"):
        ssh_config.include(target, Path(name))
    assert target.read_text() == "Include /b/config\nInclude /a/config\n"
