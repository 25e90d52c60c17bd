"""A contract is believed whole or not at all."""

import json

import pytest

from dgops.errors import DgopsError
from dgops.health import contract
from dgops.health.check import Check


@pytest.fixture
def kept():
    return contract.Contract(
        host="pod",
        checks=(Check("user", "seanf exists", "state", "user", {"user": "seanf", "uid": 1100}),),
        roles={"user": {"user__name": "abc"}},
        mode="fast-test",
        commit="a1b2c3d",
        deployed_at="2026-01-01T00:00:00+00:00",
        deployed_by="me@here",
        persistent_root="/workspace",
        runtime="/home/seanf/.runtime-venv",
        paths={"user": ("/etc/ssl/*.crt",)},
        asked={"user": "seanf", "uid": 1100},
    )


def test_round_trip(tmp_path, kept):
    contract.save(kept, tmp_path)
    assert contract.read(tmp_path, "pod") == kept
    assert contract.read(tmp_path, "other") is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[]",
        lambda text: text.replace("1100", "0"),
        lambda text: text.replace('"version": 2', '"version": 3'),
        lambda text: json.dumps({**json.loads(text), "checks": [{"type": "file"}]}),
        lambda text: json.dumps({**json.loads(text), "checks": ["x"]}),
    ],
    ids=["truncated", "empty", "a list", "altered", "from the future", "a check without a path", "checks of text"],
)
def test_a_damaged_one_is_refused(tmp_path, kept, damage):
    contract.save(kept, tmp_path)
    path = contract.path_of(tmp_path, "pod")
    path.write_text(damage(path.read_text()))
    with pytest.raises(DgopsError) as caught:
        contract.read(tmp_path, "pod")
    assert caught.value.hint == "dgops deploy --host pod"


def test_one_that_cannot_be_read_is_no_traceback(tmp_path):
    contract.path_of(tmp_path, "pod").mkdir(parents=True)
    with pytest.raises(DgopsError, match="Is a directory"):
        contract.read(tmp_path, "pod")


def test_no_name_of_a_host_leads_out_of_the_folder(tmp_path):
    assert contract.path_of(tmp_path, "../../evil").parent == tmp_path / "contracts"


def test_the_file_is_private(tmp_path, kept):
    contract.save(kept, tmp_path)
    assert contract.path_of(tmp_path, "pod").stat().st_mode & 0o077 == 0
