"""A lease: one holder, freed by its end, by its time and by a reboot."""

import pytest

from dgops.agent import lease


@pytest.fixture
def ask(tmp_path, monkeypatch):
    clock = {"now": 1000.0, "boot": "a"}
    monkeypatch.setattr(lease, "FOLDER", str(tmp_path / "run"))
    monkeypatch.setattr(lease.time, "monotonic", lambda: clock["now"])
    monkeypatch.setattr(lease, "_boot", lambda: clock["boot"])

    def call(op, token, **at):
        clock.update(at)
        return lease.answer({"op": op, "name": "deploy", "token": token, "owner": f"owner {token}", "ttl": 60})

    return call


def test_the_second_learns_who_has_it_and_for_how_long(ask):
    assert ask("acquire", "one")["held"]
    answer = ask("acquire", "two", now=1010.0)
    assert answer == {"held": False, "owner": "owner one", "expires_in": 50.0}


def test_release_frees_it(ask):
    ask("acquire", "one")
    ask("release", "one")
    assert ask("acquire", "two")["held"]


def test_release_by_another_frees_nothing(ask):
    ask("acquire", "one")
    ask("release", "two")
    assert not ask("acquire", "three")["held"]


def test_a_dead_holder_frees_it_in_time(ask):
    ask("acquire", "one")
    assert not ask("acquire", "two", now=1059.0)["held"]
    assert ask("acquire", "two", now=1060.5)["held"]


def test_renewal_holds_on_and_a_taken_one_cannot_be_renewed(ask):
    ask("acquire", "one")
    assert ask("renew", "one", now=1050.0)["held"]
    assert not ask("acquire", "two", now=1100.0)["held"]
    assert ask("acquire", "two", now=1111.0)["held"]
    assert not ask("renew", "one")["held"]


def test_a_reboot_frees_it(ask):
    ask("acquire", "one")
    assert ask("acquire", "two", boot="b")["held"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"token": "x"}'])
def test_a_damaged_lease_is_none(ask, tmp_path, content):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/deploy.lease").write_text(content)
    assert ask("acquire", "one")["held"]


def test_the_boot_is_told_apart():
    assert lease._boot().count(":") == 1
