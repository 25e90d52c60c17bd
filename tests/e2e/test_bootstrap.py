"""bootstrap.sh inside a distro: from bare to healthy, twice, from a slow Windows drive; and each of its refusals."""

import hashlib
import shlex
import subprocess
from pathlib import Path

import pytest
from place import MINUTES, REPO, Place

pytestmark = pytest.mark.e2e
WINDOWS = "/mnt/c/Users/ann lee/dgops"
# What a person wrote, on Windows: it is kept, but for the user and the line ends.
CONF = "# mine\n[automount]\noptions = metadata\n\n[user]\ndefault = wsluser  # for now\n[boot]\nsystemd=false\n"
# All that bootstrap and deploy could have touched, by content, owner, mode and time; logs and clocks aside.
STATE = r"""
find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/log \
  -o -path /var/tmp \
  -o -path /home/seanf/dgops/.dgops -o -path /home/seanf/.cache -o -path /home/seanf/.ansible -o -path /home/wsluser \
  -o -path '/home/seanf/.local/state' -o -name __pycache__ -o -path /root/.ansible -o -path /root/.cache \
  -o -path /var/lib/sudo \) -prune -o -not -type d -printf '%p %U %G %m %s %T@\n' | sort
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    found = Place(tmp_path_factory.mktemp("bootstrap"))
    yield found
    found.down()


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The files as somebody copied them to a Windows drive: no .git, no link, and no forge to ask in a test."""
    clone = Place(tmp_path_factory.mktemp("tree"), clone=True).root
    (clone / "playbooks/roles").unlink()
    (clone / "playbooks/roles").write_text("../roles")
    (clone / "inventories/local/group_vars").mkdir()
    (clone / "inventories/local/group_vars/all.yml").write_text("git_ssh__check_auth: false\n")
    return clone


class Distro:
    """A sandbox distro, its commands run as root through sudo, and its drive C:."""

    def __init__(self, place, name, distro="bookworm"):
        self.place, self.name = place, name
        self.host = place.up(name, kind="wsl", distro=distro)[0]

    def run(self, script, timeout=10 * MINUTES):
        return self.place.run(*self.host.ssh, f"sudo sh -c {shlex.quote(script)}", timeout=timeout)

    def do(self, script):
        done = self.run(script)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def put(self, folder, target, *names):
        """Copy files there by tar, as everybody's with all modes where it is a Windows drive."""
        mode = "--mode=0777 " if target.startswith("/mnt/") else ""
        packed = f"tar -C {folder} {mode}--exclude ./.dgops --exclude ./home -c {' '.join(names) or '.'}"
        inside = f"sudo sh -c {shlex.quote(f'mkdir -p {shlex.quote(target)} && tar -C {shlex.quote(target)} -x')}"
        done = self.place.run("bash", "-ec", f"{packed} | {self.host.ssh_line} {shlex.quote(inside)}")
        assert done.returncode == 0, done.stderr

    def bootstrap(self, folder, as_root=True):
        script = f"DGOPS_MODE=fast-test sh {shlex.quote(folder)}/bootstrap.sh"
        return self.run(script) if as_root else self.place.run(*self.host.ssh, script, timeout=10 * MINUTES)


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module")
def bare(place, tree):
    """A bare Debian 12, the files on its drive C:, and what a person wrote into its wsl.conf."""
    distro = Distro(place, "distro")
    distro.put(tree, WINDOWS)
    distro.do(f"printf %s {shlex.quote(CONF)} | sed 's/$/\\r/' >/etc/wsl.conf")
    return distro


OLD_PYTHON = "#!/bin/sh\n[ \"$1\" = --version ] && echo 'Python 3.10.12'\nexit 1\n"
RELEASE = "sed -i.kept -e 's/^ID=.*/ID=fedora/' -e 's/^PRETTY_NAME=.*/PRETTY_NAME=Fedora/'"
# What is put in the way, what is said, what takes it out of the way.
REFUSALS = {
    "git on a Windows drive": (
        f"mkdir '{WINDOWS}/.git'",
        (
            f"error: {WINDOWS} holds .git, and git does not belong on a Windows drive",
            "hint: copy the files without .git",
        ),
        f"rmdir '{WINDOWS}/.git'",
    ),
    "git as a file, as a worktree has it": (
        f"echo gitdir: /x >'{WINDOWS}/.git'",
        (f"error: {WINDOWS} holds .git",),
        f"rm '{WINDOWS}/.git'",
    ),
    "Windows' line ends": (
        f"sed -i.kept 's/$/\\r/' '{WINDOWS}/bootstrap.sh'",
        ("bootstrap.sh has Windows' line ends", "hint: copy the files from a clone"),
        f"mv '{WINDOWS}/bootstrap.sh.kept' '{WINDOWS}/bootstrap.sh'",
    ),
    "another distribution": (
        f"{RELEASE} /etc/os-release",
        ("error: Fedora is neither Debian nor Ubuntu", "hint: wsl --install Debian"),
        "rm -f /etc/os-release.kept; ln -sf ../usr/lib/os-release /etc/os-release",
    ),
    "an old Python": (
        f"printf %s {shlex.quote(OLD_PYTHON)} >/usr/local/bin/python3; chmod 755 /usr/local/bin/python3",
        ("has Python 3.10.12; dgops needs 3.11", "hint: Debian 12 and Ubuntu 24.04 have it"),
        "rm /usr/local/bin/python3",
    ),
    "no network": (
        "mv /etc/resolv.conf /etc/resolv.conf.kept 2>/dev/null || cp /etc/resolv.conf /etc/resolv.conf.kept; "
        'printf \'Acquire::http::Proxy "http://127.0.0.1:9";\nAcquire::https::Proxy "http://127.0.0.1:9";\n\' '
        ">/etc/apt/apt.conf.d/99zzz",
        ("error: apt-get does not reach its sources", "hint: is there a network?"),
        "rm /etc/apt/apt.conf.d/99zzz",
    ),
    "nothing beside it": (
        "mkdir -p /mnt/c/alone && cp '/mnt/c/Users/ann lee/dgops/bootstrap.sh' /mnt/c/alone/",
        ("error: there is no dgops beside", "hint: copy the whole repository"),
        "rm -r /mnt/c/alone",
    ),
    "somebody else's uid": (
        "useradd --uid 1100 --no-create-home ann",
        ("error: uid 1100 belongs to ann",),
        "userdel ann",
    ),
    "no WSL distro": (
        "mv /etc/wsl.conf /etc/wsl.conf.kept",
        ("error: this is no WSL distro", "hint: on another Debian: make setup"),
        "mv /etc/wsl.conf.kept /etc/wsl.conf",
    ),
}


@pytest.mark.parametrize("name", [name for name in REFUSALS if name != "somebody else's uid"])
def test_refusals(bare, name):
    """One sentence and a hint, and nothing was done."""
    spoil, said, mend = REFUSALS[name]
    bare.do(spoil)
    try:
        done = bare.bootstrap("/mnt/c/alone" if name == "nothing beside it" else WINDOWS)
    finally:
        bare.do(mend)
    assert done.returncode == 1, done.stdout + done.stderr
    for words in said:
        assert words in done.stderr
    assert done.stderr.count("hint: ") == 1
    assert bare.do("id seanf 2>/dev/null || echo nobody") == "nobody\n"


def test_a_uid_that_is_taken(bare):
    spoil, said, mend = REFUSALS["somebody else's uid"]
    bare.do(spoil)
    done = bare.bootstrap(WINDOWS)
    bare.do(mend)
    assert done.returncode == 1
    assert said[0] in done.stderr


def test_from_bare_to_healthy(bare):
    done = bare.bootstrap(WINDOWS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "local  pass" in done.stdout
    assert "/etc/wsl.conf: user.default=seanf (was 'wsluser')" in done.stdout
    assert bare.do("cat /etc/wsl.conf") == CONF.replace("= wsluser", "= seanf")
    assert bare.do("ls -d /mnt/c/*/*/dgops/.git /mnt/c/*/*/dgops/.venv 2>/dev/null || echo none") == "none\n"
    assert bare.do("cd /home/seanf/dgops; readlink playbooks/roles; stat -c %U:%a . dgops.toml .ci/setup") == (
        "../roles\nseanf:755\nseanf:644\nseanf:755\n"
    )
    assert bare.do("find /home/seanf/dgops -not -user seanf") == ""


def test_again_changes_nothing(bare):
    """Neither as a user with sudo, nor from the copy that the first run made."""
    before = bare.do(STATE)
    for folder, as_root in ((WINDOWS, False), ("/home/seanf/dgops", True)):
        done = bare.bootstrap(folder, as_root)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "bootstrap  unchanged: nothing was to do before the deploy" in done.stdout
        assert "local  unchanged " in done.stdout
    after = bare.do(STATE)
    moved = set(before.splitlines()) ^ set(after.splitlines())
    assert digest(before) == digest(after), sorted(moved)[:20]


def test_what_is_newer_is_taken_and_what_was_edited_is_kept(bare):
    """A later copy brings its code; an inventory edited in the distro stays, also if Windows' is newer."""
    edited = "/home/seanf/dgops/inventories/wsl/group_vars/wsl.yml"
    bare.do(f"echo '# edited' >>{edited}; touch -d '1 hour ago' {edited}")
    bare.do(f"echo '# newer' >>'{WINDOWS}/inventories/wsl/group_vars/wsl.yml'; echo '# new' >>'{WINDOWS}/README.md'")
    bare.do(f"mkdir '{WINDOWS}/gone' && echo x >'{WINDOWS}/gone/x'; rm '{WINDOWS}/SECURITY.md'")
    done = bare.bootstrap(WINDOWS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bootstrap  copied " in done.stdout
    assert bare.do(f"tail -n 1 {edited} {edited}~ | grep '#'") == "# newer\n# edited\n"
    assert (
        bare.do("cd /home/seanf/dgops; tail -n 1 README.md; ls -d gone/x SECURITY.md 2>/dev/null; :")
        == "# new\ngone/x\n"
    )
    assert (
        bare.do("ls /home/seanf/dgops/inventories/local/local.yml /home/seanf/dgops/.venv/bin/dgops | wc -l") == "2\n"
    )


def test_the_same_host_from_outside(bare, place):
    """inventories/wsl with its comment's lines: over SSH, on a port that is not 22."""
    folder = place.root / "inventories/wsl"
    subprocess.run(["cp", "-r", REPO / "inventories/wsl", folder.parent], check=True, timeout=MINUTES)
    (folder / "group_vars/all.yml").write_text("git_ssh__check_auth: false\ndgops_mode: fast-test\n")
    hosts_file = folder / "hosts.yml"
    values = {"ansible_host": "127.0.0.1", "ansible_port": str(bare.host.port), "ansible_user": "wsluser"}
    values["ansible_ssh_private_key_file"] = str(bare.host.key)
    lines = [line for line in hosts_file.read_text().splitlines() if "ansible_connection: local" not in line]
    for number, line in enumerate(lines):
        key = line.strip().removeprefix("# ").partition(":")[0]
        if key in values or "# ansible_connection: ssh" in line:
            lines[number] = f"          {key}: {values.get(key, 'ssh')}"
    hosts_file.write_text("\n".join(lines) + "\n")
    assert bare.host.port != 22
    for words in (["hosts", "add", "DeadlyLinux_002"], ["deploy", "--host", "DeadlyLinux_002"], ["health"]):
        done = place.dgops("--mode", "fast-test", "--inventory", str(folder), *words)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_wheel_on_debian_13(place, tmp_path):
    """No clone at all: the wheel beside bootstrap.sh carries what a deploy needs."""
    from dgops.deploy import wheel

    distro = Distro(place, "thirteen", "trixie")
    built = wheel.build(place.settings.cache)
    for path in (built, REPO / "bootstrap.sh"):
        (tmp_path / path.name).write_bytes(Path(path).read_bytes())
    distro.put(tmp_path, "/mnt/c/dgops")
    # There is no forge here, and nowhere else to say so before the first run.
    inventory = "/home/seanf/dgops/inventories/local/group_vars"
    distro.do("useradd --create-home --uid 1100 --shell /bin/bash seanf")
    distro.do(
        f"mkdir -p {inventory}; echo 'git_ssh__check_auth: false' >{inventory}/all.yml; chown -R seanf: /home/seanf"
    )
    for words in ("bootstrap  dgops in", "bootstrap  unchanged"):
        done = distro.bootstrap("/mnt/c/dgops")
        assert done.returncode == 0, done.stdout + done.stderr
        assert words in done.stdout
        assert "local  pass" in done.stdout
