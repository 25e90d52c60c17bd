"""What must not travel is taken out of a tree, and nothing outside of the tree is touched."""

import os

import pytest

from dgops.errors import DgopsError
from dgops.images import clean as cleaning
from dgops.images.clean import clean, locked, sources

DAY = 20000
EXAMPLE = (
    "# comment\n"
    "deb http://mirror.example/debian bookworm main contrib non-free\n"
    "deb http://mirror.example/debian bookworm-updates main contrib\n"
    "deb http://mirror.example/debian-security bookworm-security main\n"
    "deb http://mirror.example/debian sid main\n"
    "#deb-src http://mirror.example/debian bookworm main\n"
)
KEPT = (
    "etc/ssh/sshd_config",
    "home/seanf/.bashrc",
    "home/seanf/.local/share/dgops/uv",
    "home/seanf/.runtime-venv/bin/python",
    "usr/bin/python3",
    "usr/local/share/dgops/locks/runtime.txt",
    "var/cache/debconf/config.dat",
    "var/lib/dpkg/status",
    "usr/lib/wsl/oobe.sh",
)
GONE = (
    ".dockerenv",
    "dev/console",
    "etc/apt/apt.conf.d/90proxy",
    "etc/apt/sources.list.d/mirror.sources",
    "etc/hostname",
    "etc/passwd-",
    "etc/resolv.conf",
    "etc/ssh/ssh_host_ed25519_key",
    "etc/ssh/ssh_host_ed25519_key.pub",
    "home/seanf/.ansible/tmp/x",
    "home/seanf/.bash_history",
    "home/seanf/.cache/uv/x",
    "home/seanf/.runtime-venv/lib/python3.11/site-packages/__pycache__/a.pyc",
    "home/seanf/.ssh/authorized_keys",
    "home/seanf/.ssh/id_ed25519",
    "home/seanf/.ssh/known_hosts",
    "mnt/c/file",
    "proc/1/environ",
    "root/.ssh/authorized_keys",
    "run/dgops/lease",
    "start.sh",
    "sys/x",
    "tmp/x/y",
    "usr/lib/python3/__pycache__/b.pyc",
    "usr/lib/wsl/lib/libcuda.so",
    "usr/local/share/ca-certificates/company.crt",
    "var/cache/apt/pkgcache.bin",
    "var/cache/ldconfig/aux-cache",
    "var/lib/apt/lists/packages",
    "var/lib/dgops/contract.json",
    "var/lib/dpkg/status-old",
    "var/lib/systemd/random-seed",
    "var/log/apt/history.log",
    "var/log/dpkg.log",
    "var/tmp/x",
    "workspace/wheels/x.whl",
)


@pytest.fixture
def root(tmp_path):
    """A tree with everything that an image keeps and everything that it does not."""
    top = tmp_path / "root"
    for name in (*KEPT, *GONE):
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (top / cleaning.EXAMPLE).parent.mkdir(parents=True)
    (top / cleaning.EXAMPLE).write_text(EXAMPLE)
    (top / "etc/apt/sources.list").write_text("deb http://10.0.0.1/debian bookworm main\n")
    (top / "etc/shadow").write_text("root:$y$secret:20777:0:99999:7:::\nseanf:*:20777:0:99999:7:::\nx:!:::::::\n")
    (top / "etc/shadow").chmod(0o640)
    (top / "etc/gshadow").write_text("root:*::\nseanf:!::\nopen:::\n")
    (top / "etc/machine-id").write_text("0123456789abcdef\n")
    (top / "etc/hosts").write_text("10.0.0.2 builder\n")
    return top


def test_what_belongs_to_the_build_goes(root):
    clean(root, DAY * 86400 + 5)
    assert [name for name in GONE if (root / name).exists()] == []
    assert [name for name in KEPT if not (root / name).is_file()] == []
    for folder in ("dev", "proc", "sys", "run", "tmp", "var/tmp", "mnt", "root/.ssh", "home/seanf/.ssh"):
        assert os.listdir(root / folder) == []
    assert (root / "var/log/apt").is_dir()
    assert not (root / "workspace").exists()


def test_what_stays_is_settled(root):
    clean(root, DAY * 86400 + 5)
    assert (root / "etc/shadow").read_text() == f"root:*:{DAY}:0:99999:7:::\nseanf:*:{DAY}:0:99999:7:::\nx:!:::::::\n"
    assert (root / "etc/shadow").stat().st_mode & 0o777 == 0o640
    assert (root / "etc/gshadow").read_text() == "root:*::\nseanf:!::\nopen:*::\n"
    assert (root / "etc/machine-id").read_text() == ""
    assert "builder" not in (root / "etc/hosts").read_text()
    assert "10.0.0.1" not in (root / "etc/apt/sources.list").read_text()
    assert all((root / name).stat().st_mode & 0o7777 == 0o1777 for name in ("tmp", "var/tmp"))


def test_links_that_lead_nowhere_go_too(root):
    names = ("etc/resolv.conf", "var/lib/dbus/machine-id", "root/.ssh/config")
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).unlink(missing_ok=True)
        (root / name).symlink_to("/run/nowhere/at-all")
    clean(root, 0)
    assert not [name for name in names if (root / name).is_symlink()]


def test_twice_is_as_once(root):
    clean(root, 0)
    before = sorted((str(path), path.read_bytes()) for path in root.rglob("*") if path.is_file())
    clean(root, 0)
    assert sorted((str(path), path.read_bytes()) for path in root.rglob("*") if path.is_file()) == before


@pytest.mark.parametrize("name", ["home/seanf", "root/.ssh", "var/log", "etc/ssh", "run", "home/seanf/.cache"])
def test_a_link_out_of_the_tree_is_not_followed(root, tmp_path, name):
    outside = tmp_path / "outside"
    for inner in (".ssh/id_rsa", ".cache/x", "ssh_host_rsa_key", "x.log", "__pycache__/a.pyc"):
        (outside / inner).parent.mkdir(parents=True, exist_ok=True)
        (outside / inner).write_text("mine")
    (root / name).rename(tmp_path / "aside")
    (root / name).symlink_to(outside)
    clean(root, 0)
    assert sorted(path.name for path in outside.rglob("*") if path.is_file()) == [
        "a.pyc",
        "id_rsa",
        "ssh_host_rsa_key",
        "x",
        "x.log",
    ]


def test_sources_are_the_releases_own():
    assert sources(EXAMPLE) == (
        "deb http://mirror.example/debian bookworm main\n"
        "deb http://mirror.example/debian bookworm-updates main\n"
        "deb http://mirror.example/debian-security bookworm-security main\n"
    )
    with pytest.raises(DgopsError, match="names none for bookworm"):
        sources("# nothing\n")


SHADOW = {
    "a hash": ("a:$6$x:1:0:::::", "a:*:3:0:::::"),
    "no password": ("a::1:0:::::", "a:*:3:0:::::"),
    "locked with a hash behind": ("a:!$6$x:1:0:::::", "a:!:3:0:::::"),
    "never changed": ("a:*::0:::::", "a:*::0:::::"),
    "expired": ("a:*:0:0:::::", "a:*:3:0:::::"),
}


@pytest.mark.parametrize(("before", "after"), SHADOW.values(), ids=SHADOW)
def test_no_password_stays(before, after):
    assert locked(before + "\n", 2, 3 * 86400) == after + "\n"
