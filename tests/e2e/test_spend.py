"""Pods that keep to their limits while nobody is there: they spool their edits and stop, and never more than that."""

import pytest
from test_up import Account, until

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def account(containers, tmp_path_factory):
    found = Account(tmp_path_factory.mktemp("spend"))
    yield found
    found.down()


def create(account, name, *more):
    done = account.dgops(
        "pod", "create", name, "--gpu", "RTX 4090", "--env", "cu121", "--key", f"{account.key}.pub", *more
    )
    assert done.returncode == 0, done.stderr
    return done


def health(account, host):
    return account.json("health", "--host", host)[1]["hosts"][host]["checks"]


def test_idle_a_pod_spools_and_stops_and_the_edit_comes_home(account):
    """Whoever works there, as a deploy does, keeps it; nobody has to be there when it stops."""
    with (account.root / "dgops.toml").open("a") as stream:
        stream.write("[pods]\nidle_minutes = 0.5\n")
    card = create(account, "gadget", "--volume-gb", "10", "--ttl", "8h").stdout
    assert "TTL 8 h, idle 30 s" in card
    deployed = account.dgops("deploy", "--host", "gadget", timeout=300)
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    (kept,) = (one for one in health(account, "gadget") if one["check"] == "the pod keeps to its limits")
    assert kept["outcome"] == "pass", kept["observed"]
    assert "at the soonest: idle for 30 s" in kept["observed"]
    filled = account.dgops("sync", "--from", "local")
    assert filled.returncode == 0, filled.stderr
    account.there("echo two >>/app/api/main.py")
    # The key that will stop it is in its first process's environment, and in nobody's argv.
    key = account.there("tr '\\0' '\\n' </proc/1/environ | grep ^RUNPOD_API_KEY= | cut -d= -f2").strip()
    assert key
    assert key not in account.there("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert account.pod()["stops_in_s"] is not None

    until(lambda: account.control()["billing"] == [])
    assert account.pod()["status"] == "EXITED"
    again = account.dgops("pod", "start", "gadget")
    assert again.returncode == 0, again.stderr
    assert "gadget  it stopped itself before: idle for 30 s" in again.stderr
    home = account.dgops("sync", "--from", "local", "--from-spool")
    assert home.returncode == 0, home.stderr
    assert (account.root / "isengard/api/main.py").read_text() == "one\ntwo\n"
    assert account.dgops("pod", "terminate", "gadget").returncode == 0


def test_without_a_volume_only_money_stops_it(account):
    # A hundredth of a dollar is about fifty seconds.
    create(account, "bare", "--ttl", "1s", "--max-cost", "0.01")
    seen = account.dgops("pod", "ssh", "bare", "--", "cat", "/run/dgops/spend.log")
    assert "without a persistent root it goes on until 0.01 $" in seen.stdout, seen.stderr
    until(lambda: account.control()["billing"] == [], 180)
    (found,) = account.json("pod", "list")[1]["pods"]
    assert found["status"] == "EXITED"
    assert "its ceiling of 0.01 $ is reached" in found["why"]
    again = account.dgops("pod", "start", "bare")
    assert (again.returncode, "its ceiling of 0.01 $ is reached" in again.stderr) == (1, True)


def test_a_budget_of_the_day_that_is_spent_refuses(account):
    with (account.root / "dgops.toml").open("a") as stream:
        stream.write("budget_per_day = 0.001\n")
    done = account.dgops("pod", "start", "bare")
    assert (done.returncode, "the budget of a day" in done.stderr) == (1, True)
    assert account.control()["billing"] == []
