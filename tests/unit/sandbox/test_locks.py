import pytest

from dgops.errors import BusyError
from dgops.sandbox import locks
from dgops.sandbox.ports import free_port, has_banner


def test_a_held_lock_is_waited_for_and_then_named(tmp_path):
    said = []
    with locks.hold(tmp_path / "lock", 1):
        assert locks.is_held(tmp_path / "lock")
        with pytest.raises(BusyError, match="lock"), locks.hold(tmp_path / "lock", 0.2, said.append):
            pass
    assert said == ["another sandbox command is at work here; waiting for it"]
    assert not locks.is_held(tmp_path / "lock")


def test_a_holder_may_remove_the_file(tmp_path):
    path = tmp_path / "folder" / "lock"
    with locks.hold(path, 1) as descriptor:
        assert locks.is_current(descriptor, path)
        path.unlink()
        path.parent.rmdir()
        assert not locks.is_current(descriptor, path)
        with locks.hold(path, 1) as other:
            assert locks.is_current(other, path)


def test_nobody_holds_a_lock_that_is_not_there(tmp_path):
    assert not locks.is_held(tmp_path / "none")


def test_a_free_port_has_no_banner_and_is_a_new_one():
    port = free_port()
    assert free_port(avoid=port) != port
    assert not has_banner(port, timeout=0.2)
