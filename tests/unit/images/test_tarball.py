"""Trees are packed the same way each time, and unpacked with all that they had."""

import gzip
import hashlib
import io
import os
import subprocess
import tarfile

import pytest

from dgops.errors import DgopsError
from dgops.images.tarball import pack, unpack


def tree(root, order=("b", "a", ".hidden")):
    root.mkdir()
    for name in order:
        (root / name).write_text(name)
    (root / "folder").mkdir(mode=0o1777)
    (root / "folder").chmod(0o1777)
    (root / "folder/link").symlink_to("../a")
    os.link(root / "a", root / "folder/hard")
    return root


def test_the_same_tree_gives_the_same_bytes(tmp_path):
    first, again = tree(tmp_path / "one"), tree(tmp_path / "other", (".hidden", "a", "b"))
    os.utime(again / "a", (1, 1))
    one, two = pack(first, tmp_path / "1.wsl", 1_700_000_000), pack(again, tmp_path / "2.wsl", 1_700_000_000)
    content = (tmp_path / "1.wsl").read_bytes()
    assert content == (tmp_path / "2.wsl").read_bytes()
    assert one == two
    assert one.sha256 == hashlib.sha256(content).hexdigest()
    assert one.inner == hashlib.sha256(gzip.decompress(content)).hexdigest()
    assert one.size == len(content)


def test_names_times_and_owners(tmp_path):
    pack(tree(tmp_path / "one"), tmp_path / "1.wsl", 1_700_000_000)
    with tarfile.open(tmp_path / "1.wsl") as tar:
        members = {member.name: member for member in tar}
    assert list(members) == [".", "./.hidden", "./a", "./b", "./folder", "./folder/hard", "./folder/link"]
    assert {member.mtime for member in members.values()} == {1_700_000_000}
    assert {(member.uname, member.gname) for member in members.values()} == {("", "")}
    assert members["./folder"].mode == 0o1777
    assert members["./folder/hard"].islnk()
    assert not any(key in member.pax_headers for member in members.values() for key in ("atime", "ctime"))


def test_there_and_back(tmp_path):
    pack(tree(tmp_path / "one"), tmp_path / "1.wsl", 1_700_000_000)
    unpack(tmp_path / "1.wsl", tmp_path / "back")
    again = pack(tmp_path / "back", tmp_path / "2.wsl", 1_700_000_000)
    assert (tmp_path / "2.wsl").read_bytes() == (tmp_path / "1.wsl").read_bytes()
    assert again.size


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives capabilities")
def test_capabilities_travel_and_other_attributes_do_not(tmp_path):
    root = tree(tmp_path / "one")
    try:
        # CAP_NET_RAW, as ping has it.
        os.setxattr(root / "a", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
        os.setxattr(root / "a", "user.note", b"mine")
    except OSError as error:
        pytest.skip(f"this file system takes no such attributes: {error}")
    pack(root, tmp_path / "1.wsl", 0)
    unpack(tmp_path / "1.wsl", tmp_path / "back")
    assert os.listxattr(tmp_path / "back/a") == ["security.capability"]


def test_what_cannot_be_unpacked_is_an_error(tmp_path):
    (tmp_path / "x.tar").write_bytes(b"no tar")
    with pytest.raises(DgopsError, match="could not be unpacked"):
        unpack(tmp_path / "x.tar", tmp_path / "root")


def test_what_cannot_be_packed_is_an_error(tmp_path):
    with pytest.raises(DgopsError, match="could not be packed"):
        pack(tmp_path / "none", tmp_path / "x.wsl", 0)


def test_a_full_disk_is_an_error_and_ends_the_tar(tmp_path, monkeypatch):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    started = []
    real = subprocess.Popen

    def noting(*args, **more):
        started.append(real(*args, **more))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", noting)
    monkeypatch.setattr(gzip.GzipFile, "write", Full().write)
    with pytest.raises(OSError, match="No space"):
        pack(tree(tmp_path / "one"), tmp_path / "1.wsl", 0)
    assert started[0].poll() is not None
