"""From wish to ready: nothing that did not get ready stays billed."""

import pytest

from dgops.errors import DgopsError, UnreachableError
from dgops.pods import ready, rent
from dgops.pods.intents import Intents
from dgops.pods.wishes import Wish

WISH = Wish("pod", ("RTX 4090",), "cu121")


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(ready, "PAUSE", 0.05)


def rented(provider, tmp_path, seconds):
    return rent.rent(provider, Intents(tmp_path / "pods"), WISH, "ssh-ed25519 AAAA me", seconds, lambda _line: None)


def test_what_does_not_get_ready_goes(double, provider, tmp_path):
    with pytest.raises(UnreachableError, match="it was terminated"):
        rented(provider, tmp_path, 0.3)
    assert (double.cloud.pods, double.cloud.ledger()["billing"], Intents(tmp_path / "pods").all()) == ({}, [], {})


def test_what_was_there_stays(double, provider, tmp_path):
    first = rented(provider, tmp_path, 0)
    with pytest.raises(UnreachableError):
        rented(provider, tmp_path, 0.3)
    assert list(double.cloud.pods) == [first.pod.id]
    provider.stop(first.pod.id)
    with pytest.raises(DgopsError, match="stopped"):
        rented(provider, tmp_path, 0.3)
