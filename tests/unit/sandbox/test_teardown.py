"""What a sandbox leaves behind: nothing of its own, and everything of other hosts."""

import json

from dgops.sandbox.teardown import _tidy


def fill(state, pins):
    for name in (
        "contracts/pod.json",
        "contracts/gadget.json",
        "ssh/config",
        "inventories/cache.json",
        ".known_hosts.lock",
        "sync/pod/workshop.json",
        "sync/gadget/workshop.json",
    ):
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_text("x")
    (state / "jobs").mkdir()
    for job, host in (("0" * 8, "pod"), ("1" * 8, "gadget")):
        (state / f"jobs/{job}.json").write_text(json.dumps({"host": host, "outputs": []}))
    (state / "known_hosts").write_text(pins)


def names(state):
    return sorted(str(path.relative_to(state)) for path in state.rglob("*") if path.is_file())


def test_another_host_keeps_its_pin_and_contract(tmp_path):
    fill(tmp_path / "state", "dgops-gadget ssh-ed25519 A\n")
    _tidy(tmp_path / "state", ["pod"])
    left = names(tmp_path / "state")
    assert not {"contracts/pod.json", "sync/pod/workshop.json", f"jobs/{'0' * 8}.json"} & set(left)
    kept = {"contracts/gadget.json", "sync/gadget/workshop.json", f"jobs/{'1' * 8}.json", "known_hosts", "ssh/config"}
    assert kept <= set(left)


def test_nobody_left_nothing_left(tmp_path):
    fill(tmp_path / "state", "")
    _tidy(tmp_path / "state", ["pod", "gadget"])
    assert not (tmp_path / "state").exists()


def test_nothing_there_is_fine(tmp_path):
    _tidy(tmp_path / "state", ["pod"])
