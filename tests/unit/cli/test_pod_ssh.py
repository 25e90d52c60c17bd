"""dgops pod ssh: which door is opened with which key, and how it ends."""

import pytest

from dgops import settings as settings_room
from dgops.pods import access
from dgops.pods.account import intents_of
from dgops.transport import session


@pytest.fixture
def opened(monkeypatch):
    """Return what was opened, instead of it being opened; host keys are taken as pinned."""
    found, pinned = [], []
    monkeypatch.setattr(access, "pin", lambda _provider, pod, *_: pinned.append(pod.id))

    def run(host, settings, command):
        assert pinned == [host.variables["runpod_id"]]
        found.append((host, command))
        return 7

    monkeypatch.setattr(session, "run", run)
    return found


def test_it_ends_as_what_ran_there(double, dgops, opened):
    pod = double.rent(name="dgops-one")
    assert dgops("pod", "ssh", "one", "--", "nvidia-smi", "-L")[0] == 7
    ((host, command),) = opened
    assert (host.variables["runpod_id"], host.address, command) == (pod, "127.0.0.1", ("nvidia-smi", "-L"))


@pytest.mark.parametrize("mine", [True, False])
def test_the_key_that_it_was_rented_with_opens_it_and_no_other_pods(double, dgops, opened, tmp_path, mine):
    pod = double.rent(name="dgops-one")
    intents = intents_of(settings_room.load(tmp_path))
    intents.ask("one", identity="/keys/mine")
    intents.confirm("one", pod)
    wanted = pod if mine else double.rent(name="dgops-one")
    dgops("pod", "ssh", wanted)
    ((host, command),) = opened
    assert (str(host.identity or ""), command) == ("/keys/mine" if mine else "", ())
