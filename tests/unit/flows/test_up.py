"""From rented to stopped on paper: where it goes on after whatever happened, and what it never does twice."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from dgops import settings as settings_room
from dgops.deploy.result import HostResult
from dgops.errors import BusyError, DgopsError, UnreachableError, UsageError
from dgops.flows import up as room
from dgops.flows import up_pod, up_state
from dgops.flows.guard import Consent, Guard
from dgops.flows.up_job import LostError
from dgops.health.check import Outcome
from dgops.health.look import HostHealth
from dgops.hosts.host import Host
from dgops.jobs.job import Job, Request
from dgops.jobs.progress import Silent
from dgops.pods import ready
from dgops.pods.limits import Asked
from dgops.pods.wishes import Needs, OwnKey, Wish

DONE = Job("0123abcd", "pod", "script", "w", "succeeded")
NETWORK = {"network": [{"volumeId": "", "path": "/workspace"}]}


class Account:
    """A double, a project, and a script of what following the job comes to."""

    def __init__(self, double, provider, folder, patch):
        self.double, self.provider = double, provider
        (folder / "dgops.toml").write_text("")
        self.settings = settings_room.load(folder)
        self.settings.values["runpod_url"] = settings_room.Setting(double.url, "option")
        self.said, self.steps, self.runs = [], [], []
        self.hands = SimpleNamespace(
            guard=Guard(self.settings, Consent(lambda _text: ""), self.said.append),
            deploy=None,
            job=Silent(),
            say=self.said.append,
            step=lambda _name, what, _result, _seconds: self.steps.append(what),
        )
        self.volume = double.cloud.create_volume({"name": "models", "size": 10, "dataCenter": "US-KS-2"})["id"]
        patch.setattr(up_pod.Renter, "host", lambda _self, pod: Host("pod", "fake", variables={"runpod_id": pod.id}))
        patch.setattr(
            up_pod.Renter, "_door", lambda _self: SimpleNamespace(enter=lambda _pod: None, judge=lambda *_: 0)
        )
        patch.setattr(room, "require_inventory", lambda _settings: None)
        patch.setattr(
            room, "deploy", lambda wish, *_: {one.name: HostResult(one.name, "changed", 0.0) for one in wish.hosts}
        )
        patch.setattr(room, "look_at", lambda host, _settings: HostHealth(host.name, Outcome.PASS, 0.0))
        patch.setattr(room.Runner, "run", self._run)
        patch.setattr(room.Runner, "home", lambda _self, _place: None)
        patch.setattr(ready, "PAUSE", 0.02)
        patch.setattr(ready, "answers", lambda _endpoint: True)

    def _run(self, host, request, fate):
        happens = self.runs.pop(0) if self.runs else DONE
        happens = happens(fate) if callable(happens) else happens
        return happens, SimpleNamespace(outputs=(), id="0123abcd", host=host)

    def up(self, *gpus, volume="models", **more):
        work = SimpleNamespace(fingerprint="f1", request=lambda _host: Request("script", "w", ("true",)))
        wish = Wish("pod", gpus or ("RTX 4090",), "cu121", volume=volume, **more)
        asked = room.Asked(wish, OwnKey("ssh-ed25519 AAAA me", ""), work, 10)
        return room.up(asked, self.settings, self.provider, self.hands)

    def again(self, **more):
        """Call it as a person does who goes on: without a word of the pod."""
        work = SimpleNamespace(fingerprint="f1", request=lambda _host: Request("script", "w", ("true",)))
        asked = room.Asked(Wish("pod", (), "", **more), OwnKey("ssh-ed25519 AAAA me", ""), work, 10)
        return room.up(asked, self.settings, self.provider, self.hands)

    def pods(self):
        return {pod.id: pod.status for pod in self.provider.pods()}

    def lose(self, fate):
        """The pod is taken away, and its machine has no GPU left."""
        (pod,) = self.pods()
        self.double.cloud.faults.set({"zero_gpu": 1})
        self.provider.stop(pod)
        raise LostError(fate())


@pytest.fixture
def account(double, provider, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Account(double, provider, tmp_path, monkeypatch)


def test_from_nothing_to_stopped_and_not_again(account):
    account.double.cloud.faults.set({"no_capacity": 1})
    outcome = account.up("RTX 4090", "L40S")
    assert account.steps == ["rented", "deployed", "looked at", "ready", "outputs", "stopped"]
    assert list(account.pods().values()) == ["EXITED"]
    assert (outcome.trouble, outcome.job, account.double.cloud.ledger()["billing"]) == (None, "0123abcd", [])
    account.steps.clear()
    assert account.again().already
    assert account.steps == []


@pytest.mark.parametrize("did_it", [True, False])
def test_a_stop_whose_answer_is_lost_is_looked_after(account, monkeypatch, did_it):
    stop = account.provider.stop

    def silent(pod_id):
        if did_it:
            stop(pod_id)
        raise UnreachableError("no answer")

    monkeypatch.setattr(account.provider, "stop", silent)
    if did_it:
        assert account.up().trouble is None
        assert account.again().already
    else:
        with pytest.raises(UnreachableError, match="no answer"):
            account.up()
        assert "dgops pod stop pod" in account.said[-1]
    assert list(account.pods().values()) == ["EXITED" if did_it else "RUNNING"]


def test_a_pod_that_was_taken_away_gives_way_to_another_on_its_volume(account):
    account.runs = [account.lose]
    outcome = account.up()
    assert (len(outcome.losses), len(account.pods())) == (1, 1)
    assert "is EXITED" in outcome.losses[0]
    assert account.provider.pods()[0].volume_id == account.volume
    assert account.steps.count("rented") == 2
    assert account.double.cloud.ledger()["billing"] == []


def test_a_pod_that_stopped_itself_at_a_limit_is_not_started_again_until_a_person_says_so(account):
    account.runs = [account.lose]
    with pytest.raises(DgopsError, match="pod stopped itself at its TTL of 0 s"):
        account.up(limits=Asked(ttl=0.001))
    assert list(account.pods().values()) == ["EXITED"]
    assert account.double.cloud.ledger()["billing"] == []
    account.double.cloud.faults.set({"zero_gpu": 0})
    assert account.again().trouble is None
    assert account.steps.count("started") == 1


def test_a_pod_that_somebody_terminated_by_hand_gives_way_too(account):
    def ended(fate):
        (pod,) = account.pods()
        account.provider.terminate(pod)
        raise LostError(fate())

    account.runs = [ended]
    assert "is no longer rented" in account.up().losses[0]
    assert list(account.pods().values()) == ["EXITED"]


def test_a_volume_of_its_own_is_not_given_up(account):
    account.runs = [account.lose]
    with pytest.raises(DgopsError, match="tied to its machine"):
        account.up(volume="", volume_gb=10)
    assert len(account.pods()) == 1


def test_cut_off_anywhere_it_goes_on_with_what_it_knew(account):
    def dies(fate):
        raise UnreachableError("no answer; and RunPod is not well")

    account.runs = [dies]
    with pytest.raises(UnreachableError):
        account.up()
    before = account.pods()
    assert list(before.values()) == ["RUNNING"]
    account.steps.clear()
    assert account.again(needs=Needs("cu126")).trouble is None
    assert account.steps[0] == "found"
    # What was said once counts, and not what the recipe would have.
    assert not [line for line in account.said if "was rented for" in line]
    assert list(account.pods()) == list(before)


@pytest.mark.parametrize("step", ["deploy", "look_at"])
def test_ctrl_c_leaves_a_pod_that_is_known(account, monkeypatch, step):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(room, step, interrupted)
        with pytest.raises(KeyboardInterrupt):
            account.up()
    assert list(account.pods().values()) == ["RUNNING"]
    assert account.again().trouble is None
    assert account.double.cloud.ledger()["billing"] == []


def test_gone_on_with_without_a_word_it_rents_anew_by_the_limits_that_hold_now(account):
    def ended(_fate):
        account.provider.terminate(*account.pods())
        raise KeyboardInterrupt

    account.runs = [ended]
    with pytest.raises(KeyboardInterrupt):
        account.up(limits=Asked(max_cost=2))
    assert account.again(limits=Asked(max_cost=3)).trouble is None
    (pod,) = account.provider.pods()
    assert (pod.profile, pod.volume_id, pod.limits["DGOPS_MAX_COST"]) == ("cu121", account.volume, "3")


def test_a_stopped_pod_is_started_again(account):
    account.up()
    state = up_state.read(account.settings.state, "pod")
    up_state.write(account.settings.state, "pod", replace(state, done=False))
    account.steps.clear()
    assert account.again().trouble is None
    assert (account.steps[0], len(account.pods())) == ("started", 1)


def test_a_job_that_fails_leaves_the_pod_and_says_what_it_costs(account):
    account.runs = [replace(DONE, status="failed", first_failure="ValueError: no")]
    outcome = account.up()
    assert "ValueError: no" in outcome.trouble.message
    assert list(account.pods().values()) == ["RUNNING"]
    assert "0.69 $ an hour: dgops pod stop pod" in account.said[-1]
    assert not up_state.read(account.settings.state, "pod").done


@pytest.mark.parametrize(
    "error", [DgopsError("edits did not fit into api: they are on sync/pod/1"), UnreachableError("x")]
)
def test_whatever_keeps_it_from_going_on_the_bill_is_told(account, monkeypatch, error):
    def refuses(*_):
        raise error

    monkeypatch.setattr(room.up_edits, "bring_home", refuses)
    with pytest.raises(DgopsError):
        account.up()
    assert account.double.cloud.ledger()["billing"]
    assert "0.69 $ an hour: dgops pod stop pod; the same command again" in account.said[-1]


def test_who_cannot_ask_says_so(account, monkeypatch):
    def refuses(*_):
        monkeypatch.setattr(account.provider, "pods", away)
        raise DgopsError("no")

    def away():
        raise UnreachableError("RunPod is not well")

    monkeypatch.setattr(room.up_edits, "bring_home", refuses)
    with pytest.raises(DgopsError, match="no"):
        account.up()
    assert "could not be asked: dgops pod list" in account.said[-1]


@pytest.mark.parametrize(("files", "words"), [(1, "1 file, 2.0 MB verified"), (2, "2 files, 2.0 MB verified")])
def test_what_came_home_is_counted(account, monkeypatch, files, words):
    told = []
    account.hands.step = lambda _name, what, result, _seconds: told.append((what, result))
    pulled = SimpleNamespace(missing=(), moved=SimpleNamespace(files=files, size=2_000_000))
    monkeypatch.setattr(room.Runner, "home", lambda _self, _place: pulled)
    place = SimpleNamespace(outputs=("x",), id="0123abcd")
    monkeypatch.setattr(room.Runner, "run", lambda *_: (DONE, place))
    account.up()
    assert ("outputs", words) in told


def test_no_gpu_in_the_volumes_data_centre_rents_nothing(account):
    account.double.cloud.faults.set({"no_capacity": 2})
    with pytest.raises(DgopsError, match="no pod for pod"):
        account.up("L40S", "RTX 4090")
    assert account.pods() == {}


def test_two_at_once(account):
    with up_state.alone(account.settings.state, "pod"), pytest.raises(BusyError, match="another dgops up of pod"):
        account.up()
    assert account.pods() == {}


def test_nobody_said_what_to_rent(account):
    with pytest.raises(UsageError, match="nobody says what to rent"):
        account.again()
    assert account.pods() == {}
