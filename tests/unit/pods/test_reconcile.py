"""Orphans are found, and nothing that is rented is touched."""

from dgops.pods.intents import Intents
from dgops.pods.reconcile import reconcile


def test_each_kind(double, provider, tmp_path):
    intents = Intents(tmp_path / "pods")
    known, lost = double.rent(name="dgops-known"), double.rent(name="dgops-lost")
    stranger, other = double.rent(name="dgops-stranger"), double.rent(name="somebody-elses")
    intents.confirm("known", known)
    intents.ask("lost")
    intents.confirm("gone", "abc")
    intents.ask("never")
    found = reconcile(provider, intents)
    assert [one.id for one in found.known] == [known]
    assert [one.id for one in found.adopted] == [lost]
    assert [one.id for one in found.strangers] == [stranger]
    assert set(found.dropped) == {"gone", "never"}
    assert {name: one.pod_id for name, one in intents.all().items()} == {"known": known, "lost": lost}
    assert set(double.cloud.pods) == {known, lost, stranger, other}


def test_what_is_being_asked_for_stays(provider, tmp_path):
    intents = Intents(tmp_path / "pods")
    with intents.alone("pod"):
        intents.ask("pod")
        assert reconcile(provider, intents).dropped == ()
    assert "pod" in intents.all()


def test_a_damaged_record_is_one_that_was_never_confirmed(double, provider, tmp_path):
    pod = double.rent(name="dgops-pod")
    (tmp_path / "pods").mkdir()
    (tmp_path / "pods/pod.json").write_text("{")
    assert [one.id for one in reconcile(provider, Intents(tmp_path / "pods")).adopted] == [pod]
