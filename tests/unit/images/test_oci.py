"""The archive is one that the specification describes: every digest is right, and nothing tells when it was made."""

import gzip
import hashlib
import json
import tarfile

import pytest

from dgops.images import oci
from dgops.images.source import Commit

COMMIT = Commit("a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a7b8c9d0", 1_700_000_000)


@pytest.fixture
def archive(tmp_path):
    """The members of an archive by name, as bytes."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root/start.sh").write_text("#!/bin/sh\n")
    oci.write(tmp_path / "root", tmp_path / "x.tar", COMMIT)
    with tarfile.open(tmp_path / "x.tar") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


def blob(archive, described):
    content = archive["blobs/sha256/" + described["digest"].removeprefix("sha256:")]
    assert len(content) == described["size"]
    assert "sha256:" + hashlib.sha256(content).hexdigest() == described["digest"]
    return content


def test_index_leads_to_manifest_config_and_layer(archive):
    assert json.loads(archive["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads(archive["index.json"])
    manifest = json.loads(blob(archive, index["manifests"][0]))
    config = json.loads(blob(archive, manifest["config"]))
    layer = blob(archive, manifest["layers"][0])
    assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(gzip.decompress(layer)).hexdigest()]
    assert config["config"]["Cmd"] == ["/start.sh"]
    assert config["config"]["ExposedPorts"] == {"22/tcp": {}}
    assert config["config"]["Labels"]["org.opencontainers.image.revision"] == COMMIT.name
    assert config["created"] == "2023-11-14T22:13:20Z"
    assert len(archive) == 5


def test_the_same_tree_gives_the_same_bytes(archive, tmp_path):
    oci.write(tmp_path / "root", tmp_path / "y.tar", COMMIT)
    assert (tmp_path / "y.tar").read_bytes() == (tmp_path / "x.tar").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["x.tar", "y.tar"]
