"""What a host offers: one name that leads elsewhere, and nothing is written."""

import pytest

from dgops.errors import RemoteError
from dgops.files import digest_bytes
from dgops.jobs.job import Output
from dgops.jobs.pull import pull

JOB = "0123abcd"
ROW = {"size": 1, "sha256": digest_bytes(b"x"), "mode": 0o644}


@pytest.mark.parametrize(
    "name",
    [
        *("../x", "/etc/x", "results/../../x", "other", "resultsx", "", "results/", "results//x"),
        *("results/.git/hooks/x", "results/.GIT/x", "results/a\nb", "results/\x1b[2J", "results\\x"),
    ],
)
def test_hostile_names_write_nothing(liar, heard, tmp_path, name):
    home = tmp_path / "in/here"
    with pytest.raises(RemoteError, match="what no output"):
        pull(liar({"results/good": ROW, name: ROW}), "/base", "u", JOB, [Output("results", home / "results")], heard)
    assert not (tmp_path / "in").exists()


@pytest.mark.parametrize(
    "files",
    [
        None,
        [],
        "x",
        {"results": 1},
        {"results": {"size": -1}},
        {"results": {**ROW, "size": 10**400}},
        {"results": {**ROW, "sha256": "../" * 21 + "x"}},
    ],
)
def test_rubbish_is_refused(liar, heard, tmp_path, files):
    with pytest.raises(RemoteError):
        pull(liar(files), "/base", "u", JOB, [Output("results", tmp_path / "results")], heard)
