"""RECORDs that anybody may have edited, and manifests that are whole or nothing."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from venvs import SITE

from dgops.agent import manifest
from dgops.agent.manifest import Manifest, Row

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1, max_size=30)
HOSTILE = st.sampled_from(
    [
        "/etc/passwd",
        "../../../../x",
        "../../../bin/x",
        "../..",
        "..",
        ".",
        "",
        "a//b",
        "a/../b",
        "a,b",
        'a"b',
        "a b",
        "\x00",
    ]
)


def record(venv, text):
    folder = venv / SITE / "a-1.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "RECORD").write_bytes(text)
    return manifest.claims(str(venv), folder.name)


@pytest.fixture(scope="module")
def venv(tmp_path_factory):
    return tmp_path_factory.mktemp("venv")


@given(
    st.lists(st.tuples(NAMES | HOSTILE, st.sampled_from(["", "sha256=x", "md5=x"]), st.sampled_from(["", "3", "x"])))
)
def test_no_row_leads_out_of_the_venv(venv, rows):
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    for path, row in record(venv, text.getvalue().encode()).items():
        assert not path.startswith(("/", "..", "./"))
        assert ".." not in path.split("/")
        assert row.holders == ("a-1.dist-info",)
        assert row.digests in ((), ("sha256=x",))
        assert row.size in (-1, 3)


@given(st.lists(NAMES, unique=True))
def test_every_plain_name_is_read_back(venv, names):
    plain = [name for name in names if not name.startswith(("/", ".")) and "/." not in name and "//" not in name]
    plain = [name.rstrip("/") for name in plain if name.strip("/")]
    text = io.StringIO()
    csv.writer(text).writerows([name, "sha256=x", "3"] for name in plain)
    assert set(record(venv, text.getvalue().encode())) == {f"{SITE}/{name}" for name in plain}


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(venv, text):
    record(venv, text)


def test_scripts_lie_in_bin(venv):
    assert list(record(venv, b"../../../bin/x,sha256=x,1\n")) == ["bin/x"]


def test_written_and_read(tmp_path):
    rows = {
        "bin/x": Row(("sha256=a",), 3, ("a-1.dist-info", "b-1.dist-info"), (1, 2, 3, 4, 5)),
        "pyvenv\udcff": Row((), -1, (), ()),
    }
    made = Manifest(rows, {"": 0o755}, "3.11.2", 7)
    manifest.write(str(tmp_path), made)
    assert manifest.read(str(tmp_path)) == made
    assert not (tmp_path / ".dgops.new").exists()


@given(st.binary(max_size=300) | st.sampled_from([b"{}\n{}\n", b"[]\n", b"null\n", b"{" * 200_000]))
def test_anything_else_is_no_manifest(venv, content):
    (venv / ".dgops").write_bytes(content)
    assert manifest.read(str(venv)) is None


def test_no_link_is_followed_to_a_folder(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "lib").symlink_to("there")
    assert manifest.is_folder(str(tmp_path), "there")
    assert not manifest.is_folder(str(tmp_path), "lib")
    assert not manifest.is_folder(str(tmp_path), "gone")


def test_a_file_of_two_is_as_either_says():
    one, other = Row(("sha256=a",), 3, ("a",)), Row(("sha256=b",), 4, ("b",))
    assert manifest.merged({"x": one}, {"x": other}) == {"x": Row(("sha256=a", "sha256=b"), -1, ("a", "b"))}
    unknown = Row((), 3, ("c",))
    assert manifest.merged({"x": one}, {"x": unknown})["x"].digests == ()


def test_refreshed_only_where_it_is_what_was_read(tmp_path):
    made = Manifest({"a": Row(("sha256=x",), 1, ())}, {"": 0o755}, "3.11.0", 1)
    manifest.write(str(tmp_path), made)
    before = manifest.status(str(tmp_path))
    newer = made._replace(taken=2)
    manifest.refresh(str(tmp_path), None, newer)
    assert manifest.read(str(tmp_path)) == made
    manifest.refresh(str(tmp_path), before, newer)
    assert manifest.read(str(tmp_path)) == newer
    manifest.refresh(str(tmp_path), before, made)
    assert manifest.read(str(tmp_path)) == newer, "somebody wrote it meanwhile"
    assert [path.name for path in tmp_path.glob(".dgops*")] == [".dgops"]


def test_no_manifest_is_made_where_there_is_none_or_a_link_leads_elsewhere(tmp_path):
    made = Manifest({}, {}, "3.11.0", 1)
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    for path in ("real", "link", "nowhere"):
        manifest.refresh(str(tmp_path / path), None, made)
    assert not list((tmp_path / "real").iterdir())
