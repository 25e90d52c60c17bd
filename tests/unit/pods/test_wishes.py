"""What a create asks for, and what it refuses to ask for."""

import pytest

from dgops.environments.trainers import releases
from dgops.errors import UsageError
from dgops.pods.models import GpuType, Volume
from dgops.pods.wishes import Needs, Wish, own_key, requests

CARDS = [
    GpuType("NVIDIA GeForce RTX 5090", "RTX 5090", 32, 0.94, 0.69, {"EU-RO-1": "high"}),
    GpuType("NVIDIA GeForce RTX 4090", "RTX 4090", 24, 0.69, 0.34, {"EU-RO-1": "low", "US-KS-2": "high"}),
    GpuType("AMD Instinct MI300X OAM", "MI300X", 192, 2.49, 0.0, {"EU-RO-1": "low"}),
]
VOLUME = Volume("v1", "models", 100, "EU-RO-1", "standard")


def wanted(*gpus, **more):
    return requests(Wish("pod", gpus, **{"profile": "cu121", **more}), CARDS, [VOLUME], "ssh-ed25519 AAAA me")


def test_one_for_each_that_can():
    (one,) = wanted("RTX 5090", "RTX 4090", volume="models")
    assert (one.gpu, one.name, one.min_cuda) == ("NVIDIA GeForce RTX 4090", "dgops-pod", "12.1")
    assert (one.volume_id, one.data_centers) == ("v1", ("EU-RO-1",))
    assert one.env == {"PUBLIC_KEY": "ssh-ed25519 AAAA me", "DGOPS_PROFILE": "cu121"}
    assert "AAAA" not in repr(one)
    assert [one.gpu for one in wanted("RTX 5090", "RTX 4090", profile="cu128")] == [CARDS[0].id, CARDS[1].id]


@pytest.mark.parametrize(
    ("gpus", "more", "words"),
    [
        (["RTX 5090"], {}, "no code for sm_120"),
        (["MI300X"], {}, "in no table"),
        (["RTX 4090"], {"volume": "other"}, "no volume is called other"),
        (["RTX 4090"], {"profile": "cu130"}, "no image is known for profile cu130"),
        (["RTX 4090"], {"profile": "cu999", "image": "x"}, "cu999"),
        (["RTX 9090"], {}, "RTX 9090"),
    ],
)
def test_refused_before_anything_is_rented(gpus, more, words):
    with pytest.raises(UsageError, match=words):
        wanted(*gpus, **more)


def test_what_a_recipe_needs_decides_as_a_person_would():
    needs = Needs("cu121", releases("sd-scripts"), 24, "its docs")
    (one,) = wanted("RTX 5090", "RTX 4090", profile="", needs=needs)
    assert (one.gpu, one.env["DGOPS_PROFILE"], one.min_cuda) == (CARDS[1].id, "cu121", "12.1")
    assert wanted("RTX 4090", profile="cu124", needs=needs)[0].env["DGOPS_PROFILE"] == "cu124"


@pytest.mark.parametrize(
    ("needs", "words"),
    [
        (Needs("cu121", vram_gib=42, vram_source="its docs"), r"RTX 4090: it has 24 GB, and 42 GiB .* \(its docs\)"),
        (Needs("cu121", releases("ai-toolkit")), "asks for torch 2.13.0"),
    ],
)
def test_a_gpu_on_which_the_recipe_would_not_run_is_not_rented(needs, words):
    with pytest.raises(UsageError, match=words):
        wanted("RTX 4090", profile="", needs=needs)


def test_keys(tmp_path):
    folder = tmp_path / "home" / ".ssh"
    with pytest.raises(UsageError, match="no public key"):
        own_key(None)
    folder.mkdir()
    (folder / "id_ed25519.pub").write_text("ssh-ed25519 AAAA me\n")
    assert (own_key(None).public, own_key(None).identity) == ("ssh-ed25519 AAAA me", str(folder / "id_ed25519.pub"))
    (folder / "id_ed25519").write_text("")
    assert own_key(None).identity == str(folder / "id_ed25519")
    (tmp_path / "other.pub").write_text("ssh-ed25519 BBBB me\n")
    for identity in (tmp_path / "other", tmp_path / "other.pub"):
        assert own_key(None, str(identity)).public == "ssh-ed25519 BBBB me"
    assert own_key(None, str(tmp_path / "gone")).public == "ssh-ed25519 AAAA me"
    (folder / "id_rsa").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    with pytest.raises(UsageError, match="is no public key"):
        own_key(folder / "id_rsa")
