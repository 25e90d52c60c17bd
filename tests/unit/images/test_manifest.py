"""The manifest names the commit, and everything by version or digest."""

import json

from dgops.deploy import tree
from dgops.images import manifest
from dgops.images.kinds import KINDS
from dgops.images.source import Commit


def test_what_an_image_says_of_itself(tmp_path):
    locks = tmp_path / "usr/local/share/dgops/locks"
    locks.mkdir(parents=True)
    (locks / "runtime.txt").write_text("numpy==2\n")
    said = manifest.compose(KINDS["wsl"], Commit("a" * 40, 1), "cu121", "zlib1g:amd64 1:1.2\nadduser 3.134\n", tmp_path)
    assert (said["commit"], said["kind"], said["profile"]) == ("a" * 40, "wsl", "cu121")
    assert list(said["packages"].items()) == [("adduser", "3.134"), ("zlib1g:amd64", "1:1.2")]
    assert list(said["locks"]) == ["runtime.txt"]
    assert list(said["roles"]) == tree.playbook_roles()
    assert all(len(digest) == 64 for digest in [*said["roles"].values(), *said["locks"].values()])
    manifest.write(tmp_path, said)
    path = tmp_path / manifest.PATH
    assert json.loads(path.read_text()) == said
    assert path.stat().st_mode & 0o777 == 0o644
