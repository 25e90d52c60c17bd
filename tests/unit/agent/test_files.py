"""Files to and from a host: whole or not at all, and never by way of a link."""

import hashlib
import os
import pwd

import pytest

STORE = "0123456789abcdef"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def files(agent_host):
    """The command with a mirror folder as its root."""

    def call(op, payload=b"", root=None, **request):
        order = {"op": op, "root": str(root or agent_host.base / "inputs" / STORE), "user": agent_host.user, **request}
        return agent_host.exchange("files", order, payload)

    call.host = agent_host
    call.root = agent_host.base / "inputs" / STORE
    return call


def piece(path, data, offset=0, length=None, mode=0o644):
    length = len(data) - offset if length is None else length
    return {"path": path, "offset": offset, "length": length, "size": len(data), "sha256": sha256(data), "mode": mode}


def test_there_and_back(files):
    content = {"a.txt": b"a", "deep/er/b.bin": os.urandom(3000), "empty": b"", "deep/ü ñ\n.txt": b"odd name"}
    rows = [piece(path, data, mode=0o755 if path == "a.txt" else 0o640) for path, data in content.items()]
    assert files("put", b"".join(content.values()), files=rows)[0] == {"written": 4, "parts": {}}
    answer, rest = files("digest", paths=None)
    assert {path: row["sha256"] for path, row in answer["files"].items()} == {p: sha256(d) for p, d in content.items()}
    assert answer["files"]["a.txt"] == {"size": 1, "sha256": sha256(b"a"), "mode": 0o755}
    assert (answer["missing"], answer["odd"], rest) == ([], [], b"")
    asked = [{"path": path, "offset": 0, "length": 1 << 20} for path in content]
    answer, rest = files("read", files=asked)
    assert answer["lengths"] == [1, 3000, 0, 8]
    assert rest == b"".join(content.values())
    assert (
        files("read", files=[{"path": "deep/er/b.bin", "offset": 2990, "length": 100}])[1]
        == content["deep/er/b.bin"][2990:]
    )
    assert sorted(os.listdir(files.root)) == ["a.txt", "deep", "empty"]


def test_parts_gather_and_go_on(files):
    data = os.urandom(1000)
    assert files("put", data[:400], files=[piece("x", data, 0, 400)])[0] == {"written": 0, "parts": {"x": 400}}
    assert not (files.root / "x").exists()
    assert files("digest", paths=None)[0]["files"] == {}
    assert files("put", files=[piece("x", data, 0, 0)])[0]["parts"] == {"x": 400}
    assert "from 700 on, where 400" in files("put", data[700:], files=[piece("x", data, 700)])[0]["refused"]
    assert files("put", data[300:], files=[piece("x", data, 300)])[0] == {"written": 1, "parts": {}}
    assert (files.root / "x").read_bytes() == data


def test_what_arrives_damaged_is_thrown_away(files):
    data = b"right"
    (files.root).mkdir(parents=True)
    (files.root / "x").write_bytes(b"older")
    assert "x arrived damaged" in files("put", b"wrong", files=[piece("x", data)])[0]["refused"]
    assert (files.root / "x").read_bytes() == b"older"
    assert files("put", files=[piece("x", data, 0, 0)])[0]["parts"] == {"x": 0}
    assert files("put", data, files=[piece("x", data)])[0]["written"] == 1


def test_a_connection_that_ends_in_the_middle(files):
    data = os.urandom(1000)
    assert "ended in the middle" in files("put", data[:600], files=[piece("x", data)])[0]["refused"]
    assert not (files.root / "x").exists()
    assert files("put", data[600:], files=[piece("x", data, 600)])[0]["written"] == 1
    assert (files.root / "x").read_bytes() == data


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "", ".", "a//b", "a/./b", "a\0b"])
def test_no_path_leads_out(files, path):
    files.root.mkdir(parents=True)
    for op, request in [
        ("put", {"files": [piece(path, b"x")]}),
        ("read", {"files": [{"path": path, "offset": 0, "length": 1}]}),
        ("digest", {"paths": [path]}),
        ("trim", {"keep": [path]}),
    ]:
        assert "no path below a folder" in files(op, b"x", **request)[0]["refused"]
    assert os.listdir(files.host.base / "inputs") == [STORE]


def test_no_link_is_followed(files, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    folder = tmp_path / "outputs"
    folder.mkdir()
    (folder / "link").symlink_to(outside / "secret")
    (folder / "folder").symlink_to(outside)
    os.mkfifo(folder / "pipe")
    (folder / "good").write_bytes(b"good")
    (folder / "\udcff").write_bytes(b"a name of no text")
    answer = files("digest", root=folder, paths=None)[0]
    assert list(answer["files"]) == ["good"]
    assert {one["path"]: one["reason"] for one in answer["odd"]} == {
        "link": "a symbolic link",
        "folder": "a symbolic link",
        "pipe": "neither file nor folder",
        "\\xff": "its name is no UTF-8",
    }
    answer = files("digest", root=folder, paths=["folder/secret", "link", "nothing", "good/below"])[0]
    assert (answer["files"], answer["missing"], len(answer["odd"])) == ({}, ["nothing"], 3)
    for path in ("link", "folder/secret", "pipe"):
        assert path in files("read", root=folder, files=[{"path": path, "offset": 0, "length": 9}])[0]["refused"]
    refused = files("put", b"new", root=folder, files=[piece("folder/secret", b"new")])[0]["refused"]
    assert "folder/secret" in refused
    files("put", b"new", root=folder, files=[piece("link", b"new")])
    assert (outside / "secret").read_bytes() == b"secret"
    assert (folder / "link").read_bytes() == b"new"
    assert not (folder / "link").is_symlink()


def test_a_mirror_is_made_to_fit_its_list(files, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep").write_bytes(b"")
    files("put", b"abc", files=[piece("a", b"a"), piece("b/c", b"b"), piece("b/d/e", b"c")])
    (files.root / "link").symlink_to(outside)
    files("put", b"a", files=[piece("half", b"ab", 0, 1)])
    assert files("trim", keep=["a", "b/c"])[0] == {"removed": 3}
    assert sorted(path.name for path in files.root.rglob("*")) == ["a", "b", "c"]
    assert (outside / "keep").exists()
    # What was a file is a folder now, and the other way round.
    files("trim", keep=["b/c"])
    assert files("put", b"x", files=[piece("b/c/x", b"x")])[0]["written"] == 1
    assert files("trim", keep=[])[0] == {"removed": 1}
    assert files("put", b"x", files=[piece("b", b"x")])[0]["written"] == 1


def test_only_mirrors_are_trimmed(files, tmp_path):
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "file").write_bytes(b"")
    for root in (folder, tmp_path / "dgops/inputs", f"{files.root}/../../../precious", "/", "relative"):
        assert files("trim", root=root, keep=[])[0]["refused"]
    assert (folder / "file").exists()
    assert files("trim", keep=[])[0] == {"removed": 0}


def test_a_full_disk_leaves_nothing_half_written(files, small_disk):
    files.host.base = small_disk / "dgops"
    root = files.host.base / "inputs" / STORE
    data = os.urandom(4 << 20)
    answer = files("put", data, root=root, files=[piece("deep/big.bin", data)])[0]
    assert answer["refused"] == "deep/big.bin: No space left on device"
    assert "room" in answer["hint"]
    assert [path.name for path in root.rglob("*") if path.is_file()] == []
    assert files("put", b"x", root=root, files=[piece("small", b"x")])[0]["written"] == 1


def test_everything_happens_as_the_user(files):
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    files.host.user = "nobody"
    for folder in [files.host.folder, *files.host.folder.parents][:-2]:
        folder.chmod(0o755)
    files("put", b"x", files=[piece("a/b", b"x", mode=0o4755)])
    for path in [files.host.base, *files.host.base.rglob("*")]:
        assert path.lstat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert (files.root / "a/b").stat().st_mode & 0o7777 == 0o755
    assert "Permission denied" in str(files("put", b"x", root="/etc/dgops-test", files=[piece("x", b"x")])[0])
    assert not os.path.exists("/etc/dgops-test")


@pytest.mark.parametrize("where", ["mirror", "inputs", "base"])
def test_a_link_in_place_of_a_mirror_is_not_followed(files, tmp_path, where):
    home = tmp_path / "elsewhere"
    inner = home / {"mirror": "", "inputs": STORE, "base": f"inputs/{STORE}"}[where]
    inner.mkdir(parents=True)
    (inner / "precious").write_bytes(b"p")
    place = {"mirror": files.root, "inputs": files.root.parent, "base": files.host.base}[where]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(home)
    asked = [{"path": "precious", "offset": 0, "length": 9}]
    for op, request in [("trim", {"keep": []}), ("digest", {"paths": None}), ("read", {"files": asked})]:
        assert "leads through a link" in files(op, **request)[0]["refused"]
    assert files("put", b"x", files=[piece("x", b"x")])[0]["refused"]
    assert os.listdir(inner) == ["precious"]


def test_a_volume_may_be_a_link(files, tmp_path):
    volume = tmp_path / "volume"
    (volume / "results").mkdir(parents=True)
    (volume / "results/a").write_bytes(b"a")
    (tmp_path / "workspace").symlink_to(volume)
    assert list(files("digest", root=tmp_path / "workspace/results", paths=None)[0]["files"]) == ["a"]
    root = tmp_path / "workspace/dgops/inputs" / STORE
    assert files("put", b"x", root=root, files=[piece("x", b"x")])[0]["written"] == 1
    assert files("trim", root=root, keep=[])[0] == {"removed": 1}
