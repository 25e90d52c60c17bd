"""Tars that mean harm, or were cut off: a clear error in bounded time, and nothing of this machine is ever read."""

import gzip
import io
import tarfile

import pytest
from distros import GOOD, Piece, link, tar_of

from dgops.errors import DgopsError, UsageError
from dgops.images import archive
from dgops.images.check import check


def packed(tmp_path, content, name="x.wsl"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def header(**fields):
    info = tarfile.TarInfo("./etc/passwd")
    for key, value in fields.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.GNU_FORMAT)


GOOD_TAR = tar_of(GOOD)
ZEROS = bytes(2048)
FIRST = tar_of({"etc/a": Piece(b"x" * 512)})[:1024]
BROKEN = {
    "gzip cut off": gzip.compress(GOOD_TAR)[:-200],
    "gzip without its sum": gzip.compress(GOOD_TAR)[:-8],
    "gzip with another sum": gzip.compress(GOOD_TAR)[:-8] + b"\0" * 8,
    "tar cut off in an entry": gzip.compress(tar_of({"etc/a": Piece(b"x" * 5000)})[:1024]),
    "tar cut off in a header": gzip.compress(GOOD_TAR[: 512 * 5 + 100]),
    "tar cut off between entries": gzip.compress(FIRST),
    "garbage after an entry": gzip.compress(FIRST + b"garbage!" * 64),
    "an entry of eight exabytes": gzip.compress(FIRST + header(size=1 << 62) + ZEROS),
    "an entry longer than the file": gzip.compress(FIRST + header(size=1 << 34) + ZEROS),
    "a header of four gigabytes": gzip.compress(FIRST + header(type=tarfile.XHDTYPE, size=4 << 30) + ZEROS),
    "a name of four gigabytes": gzip.compress(FIRST + header(type=tarfile.GNUTYPE_LONGNAME, size=4 << 30) + ZEROS),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
@pytest.mark.timeout(20)
def test_a_broken_file_is_an_error_in_words(tmp_path, content):
    with pytest.raises(DgopsError, match="cut off or damaged") as caught:
        check(packed(tmp_path, content))
    assert caught.value.exit_code == 1
    assert caught.value.hint


NO_TAR = {
    "empty": b"",
    "text": b"hello\n" * 1000,
    "gzip of text": gzip.compress(b"hello\n" * 1000),
    "zip": b"PK\x03\x04" + b"\0" * 1000,
    "zstd": b"\x28\xb5\x2f\xfd" + b"\0" * 1000,
}


@pytest.mark.parametrize("content", NO_TAR.values(), ids=NO_TAR)
def test_what_is_no_tar_is_a_usage_error(tmp_path, content):
    with pytest.raises(UsageError):
        check(packed(tmp_path, content))


def test_no_such_file_and_a_folder(tmp_path):
    for path in (tmp_path / "none.wsl", tmp_path):
        with pytest.raises(UsageError, match="is no file"):
            check(path)


def test_what_never_ends_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 1 << 20)
    with pytest.raises(DgopsError, match=r"unpacks to more than|an entry of"):
        check(packed(tmp_path, gzip.compress(GOOD_TAR + b"\0" * (1 << 21))))


def test_too_many_entries_are_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_ENTRIES", 3)
    with pytest.raises(DgopsError, match="more than 3 entries"):
        check(packed(tmp_path, GOOD_TAR))


LINKS = {
    "absolute": ("/usr/lib/os-release", "usr/lib/os-release"),
    "relative": ("../usr/lib/os-release", "usr/lib/os-release"),
    "above the root": ("../../../../usr/lib/os-release", "usr/lib/os-release"),
    "out of the archive": ("/root/.ssh/id_ed25519", None),
    "to itself": ("os-release", None),
}


@pytest.mark.parametrize(("target", "name"), LINKS.values(), ids=LINKS)
def test_links_lead_about_in_the_archive_alone(tmp_path, target, name):
    found = archive.load(packed(tmp_path, tar_of({**GOOD, "etc/os-release": link(target)})))
    entry = found.find("/etc/os-release")
    assert (entry.name if entry else None) == name
    assert (found.text("/etc/os-release") is None) == (name is None)


def test_a_file_that_a_link_leads_to_is_read_from_its_beginning(tmp_path):
    content = b"#!/bin/sh\n" + b"# long\n" * 100
    pieces = {**GOOD, "opt/x": Piece(content, mode=0o755), "usr/lib/wsl/oobe.sh": link("/opt/x")}
    assert archive.load(packed(tmp_path, tar_of(pieces))).read("/usr/lib/wsl/oobe.sh") == content


def test_many_files_where_wsl_looks_are_not_all_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "_MOST_HELD", 100)
    many = {f"usr/share/wsl/{number}": Piece(b"x" * 60) for number in range(10)}
    found = archive.load(packed(tmp_path, tar_of(many)))
    assert sum(map(len, found.held.values())) <= 100
    assert found.read("/usr/share/wsl/9") == b"x" * 60


def test_no_file_of_this_machine_is_opened(tmp_path, monkeypatch):
    opened = []
    real = io.open

    def noting(file, *args, **more):
        opened.append(str(file))
        return real(file, *args, **more)

    path = packed(tmp_path, tar_of({**GOOD, "etc/passwd": link("/etc/passwd"), "etc/shadow": link("/etc/shadow")}))
    monkeypatch.setattr(io, "open", noting)
    check(path)
    assert not [name for name in opened if name.startswith("/etc")]
