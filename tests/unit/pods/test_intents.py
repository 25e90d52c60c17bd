"""What was asked for is written down, for its owner's eyes."""

from dgops.pods.intents import Intents


def test_asked_confirmed_dropped(tmp_path):
    intents = Intents(tmp_path / "pods")
    assert intents.all() == {}
    intents.ask("pod")
    assert intents.all()["pod"].pod_id == ""
    assert (tmp_path / "pods/pod.json").stat().st_mode & 0o077 == 0
    intents.confirm("pod", "abc")
    assert intents.all()["pod"].pod_id == "abc"
    intents.drop("pod")
    intents.drop("pod")
    assert intents.all() == {}
