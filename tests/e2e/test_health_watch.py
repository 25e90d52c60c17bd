"""A pod that looks at itself: what breaks while nobody is there is written down, and the watch itself is watched."""

import json
import time

import pytest
from place import Place

pytestmark = pytest.mark.e2e
CHECK = "the host looks at itself"


@pytest.fixture(scope="module")
def place(stock, tmp_path_factory):
    found = Place(tmp_path_factory.mktemp("watch"))
    try:
        stock.give(found)
        (found.root / "inventories/sandbox/host_vars").mkdir()
        yield found
    finally:
        found.down()


def deploy(place, minutes):
    (place.root / "inventories/sandbox/host_vars/pod.yml").write_text(json.dumps({"health_watch__minutes": minutes}))
    return mend(place)


def mend(place):
    code, found = place.json("deploy", "--host", "pod")
    assert code == 0, found
    return found["hosts"]["pod"]


def health(place):
    _, found = place.json("health")
    return {one["check"]: one for one in found["hosts"]["pod"]["checks"]}


def log(place):
    return place.on("pod", "cat /run/dgops/health.log 2>/dev/null || true").splitlines()


def keeper(place):
    return place.on("pod", "pgrep -o -f [.]pyz.watch$ || true").strip()


def until(condition, seconds=90):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "not in time"
        time.sleep(0.5)
    return found


class TestHealthWatch:
    """One pod's story, in order."""

    def test_nobody_asked(self, place):
        assert deploy(place, 0)["outcome"] == "unchanged"
        assert CHECK not in health(place)
        assert keeper(place) == ""

    def test_one_variable_starts_it(self, place):
        assert deploy(place, 0.1)["roles_run"] == ["health_watch"]
        assert health(place)[CHECK]["outcome"] == "pass"
        until(lambda: log(place))
        told = until(lambda: "held" in (one := health(place)[CHECK])["observed"] and one)
        assert (told["outcome"], told["expected"]) == ("pass", "a look every 6 s")
        # Whoever works there may read it, and Prometheus' collector too.
        seen = json.loads(place.on("pod", "su seanf -c 'cat /run/dgops/health.json'"))
        assert seen["hosts"]["pod"]["outcome"] == "pass"
        assert {one["role"] for one in seen["hosts"]["pod"]["checks"]} >= {"contract", "base", "user", "dgops_runtime"}
        assert 'dgops_host_healthy{host="pod"} 1' in place.on("pod", "su seanf -c 'cat /run/dgops/health.prom'")

    def test_what_breaks_and_is_mended_is_written_down(self, place):
        place.on("pod", "rm /usr/local/bin/dgops")
        until(lambda: any("fail dgops_runtime: dgops is on the path: absent" in line for line in log(place)))
        assert mend(place)["roles_run"] == ["dgops_runtime"]
        until(lambda: any("pass dgops_runtime: dgops is on the path" in line for line in log(place)))

    def test_one_that_was_killed_is_seen_and_started_by_a_deploy_that_changes_nothing(self, place):
        first = keeper(place)
        place.on("pod", f"kill -KILL {first}")
        told = health(place)[CHECK]
        assert (told["outcome"], told["observed"]) == ("fail", "it is no more: the agent's process is gone")
        assert told["mend"] == "dgops deploy --host pod"
        assert (mend(place)["outcome"], keeper(place)) == ("unchanged", until(lambda: keeper(place)))
        assert keeper(place) != first
        assert health(place)[CHECK]["outcome"] == "pass"

    def test_a_look_that_cannot_be_judged_is_seen(self, place):
        room = place.on("pod", "ls -d /home/seanf/.runtime-venv/lib/python3*/site-packages/dgops").strip()
        place.on("pod", f"mv {room}/health {room}/gone")
        until(lambda: "its last look came to nothing" in health(place)[CHECK]["observed"])
        assert health(place)[CHECK]["outcome"] == "fail"
        place.on("pod", f"mv {room}/gone {room}/health")
        until(lambda: health(place)[CHECK]["outcome"] == "pass")
        told = [line for line in log(place) if "came to nothing" in line]
        assert len(told) == 1, "\n".join(told)

    def test_after_a_restart_it_is_seen_that_nobody_looks(self, place):
        """What a restart takes away is what it takes from every pod: a deploy brings it back."""
        keeper_then = keeper(place)
        place.on("pod", f"kill -KILL {keeper_then}; rm -r /run/dgops")
        told = health(place)[CHECK]
        assert (told["outcome"], told["observed"]) == ("fail", "none since the host's start: nobody was in yet")
        assert mend(place)["outcome"] == "unchanged"
        until(lambda: health(place)[CHECK]["outcome"] == "pass")

    def test_it_is_turned_off(self, place):
        assert deploy(place, 0)["roles_run"] == ["health_watch"]
        until(lambda: not keeper(place))
        assert place.on("pod", "ls /run/dgops").split() == ["deploy.lock", "health.log"]
        assert CHECK not in health(place)
