"""From wish to ready: nothing that did not get ready stays billed."""

import pytest

from dgops.errors import DgopsError, UnreachableError
from dgops.pods import ready, rent
from dgops.pods.intents import Intents
from dgops.pods.wishes import OwnKey, Wish

WISH = Wish("pod", ("RTX 4090",), "cu121")
TWO = Wish("pod", ("RTX 4090", "L40S"), "cu121")
KEY = OwnKey("ssh-ed25519 AAAA me", "/home/me/.ssh/id_ed25519")


class Doors:
    """A door that opens, or says what it was told to, once for each pod."""

    def __init__(self, *, enter=(), judge=()):
        self.entering, self.judging = list(enter), list(judge)

    def enter(self, _pod):
        if self.entering:
            raise self.entering.pop(0)

    def judge(self, _pod, _gpus):
        if self.judging:
            raise self.judging.pop(0)


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(ready, "PAUSE", 0.05)


@pytest.fixture
def answering(monkeypatch):
    monkeypatch.setattr(ready, "answers", lambda _endpoint: True)


def rented(provider, tmp_path, seconds, wish=WISH, door=None, said=None):
    said = [] if said is None else said
    return rent.rent(provider, Intents(tmp_path / "pods"), wish, KEY, seconds, said.append, door or Doors())


def nothing_is_left(double, tmp_path):
    return (double.cloud.pods, double.cloud.ledger()["billing"], Intents(tmp_path / "pods").all()) == ({}, [], {})


def test_what_does_not_get_ready_goes(double, provider, tmp_path):
    with pytest.raises(UnreachableError, match="it was terminated"):
        rented(provider, tmp_path, 0.3)
    assert nothing_is_left(double, tmp_path)


def test_what_was_there_stays(double, provider, tmp_path):
    first = rented(provider, tmp_path, 0)
    with pytest.raises(UnreachableError):
        rented(provider, tmp_path, 0.3)
    assert list(double.cloud.pods) == [first.pod.id]
    provider.stop(first.pod.id)
    with pytest.raises(DgopsError, match="stopped"):
        rented(provider, tmp_path, 0.3)


@pytest.mark.usefixtures("answering")
def test_a_bad_machine_goes_and_the_next_is_tried(double, provider, tmp_path):
    door = Doors(judge=[DgopsError("pod came without a GPU")])
    done = rented(provider, tmp_path, 10, TWO, door)
    assert (done.pod.gpu, list(double.cloud.pods)) == ("NVIDIA L40S", [done.pod.id])
    assert "NVIDIA GeForce RTX 4090: pod came without a GPU; it was terminated" in done.passed
    known = Intents(tmp_path / "pods").get("pod")
    assert (known.pod_id, known.identity) == (done.pod.id, KEY.identity)


@pytest.mark.usefixtures("answering")
def test_every_reason_is_told(double, provider, tmp_path):
    with pytest.raises(UnreachableError) as caught:
        rented(provider, tmp_path, 10, TWO, Doors(judge=[DgopsError("no GPU"), DgopsError("wrong digits")]))
    assert "no GPU" in caught.value.message
    assert "wrong digits" in caught.value.message
    assert nothing_is_left(double, tmp_path)


@pytest.mark.usefixtures("answering")
def test_a_bad_machine_and_then_nothing_to_be_had(double, provider, tmp_path):
    class Last(Doors):
        def judge(self, _pod, _gpus):
            double.cloud.faults.set({"no_capacity": 1})
            raise DgopsError("wrong digits")

    with pytest.raises(UnreachableError) as caught:
        rented(provider, tmp_path, 10, TWO, Last())
    assert "wrong digits" in caught.value.message
    assert "no longer any instances" in caught.value.message
    assert nothing_is_left(double, tmp_path)


@pytest.mark.usefixtures("answering")
def test_a_key_that_is_not_taken_yet_is_shown_again(provider, tmp_path):
    door = Doors(enter=[UnreachableError("not yet"), UnreachableError("nor now")])
    assert rented(provider, tmp_path, 10, WISH, door).outcome == "created"
    assert door.entering == []


@pytest.mark.usefixtures("answering")
def test_ctrl_c_ends_what_is_new(double, provider, tmp_path):
    said = []
    with pytest.raises(KeyboardInterrupt):
        rented(provider, tmp_path, 10, WISH, Doors(enter=[KeyboardInterrupt()]), said)
    assert "pod  interrupted before it was ready: the new pod is terminated" in said
    assert nothing_is_left(double, tmp_path)


@pytest.mark.usefixtures("answering")
def test_ctrl_c_leaves_alone_what_was_found(double, provider, tmp_path):
    first = rented(provider, tmp_path, 0)
    with pytest.raises(KeyboardInterrupt):
        rented(provider, tmp_path, 10, WISH, Doors(enter=[KeyboardInterrupt()]))
    assert list(double.cloud.pods) == [first.pod.id]


@pytest.mark.usefixtures("answering")
def test_what_cannot_be_ended_is_told_and_known(double, provider, tmp_path, monkeypatch):
    def deaf(*_anything):
        raise UnreachableError("cut off")

    monkeypatch.setattr(type(provider), "terminate", deaf)
    with pytest.raises(UnreachableError, match="could not be terminated and is billed") as caught:
        rented(provider, tmp_path, 10, WISH, Doors(judge=[DgopsError("no GPU")]))
    assert caught.value.hint == "dgops pod terminate pod"
    assert Intents(tmp_path / "pods").get("pod").pod_id in double.cloud.pods
