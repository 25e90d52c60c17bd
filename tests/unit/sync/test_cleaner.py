"""What git makes of a host's files: only what home has never seen travels, and not without end."""

import pytest

from dgops.sync import cleaner, transfers

API = "apps/api/src"


@pytest.fixture
def travels(monkeypatch):
    """Return the paths whose bytes were fetched."""
    paths, read = [], transfers.read

    def listening(transport, wanted):
        paths.extend(one.path for one in wanted)
        return read(transport, wanted)

    monkeypatch.setattr(transfers, "read", listening)
    return paths


def test_only_what_home_has_never_seen_travels(world, travels):
    world.filled()
    travels.clear()
    world.host(f"{API}/copy.py", (world.repo / API / "f1.py").read_text())
    world.host(f"{API}/new.py", "new\n")
    assert world.sync().outcome == "pulled"
    assert travels == ["new.py"]
    assert world.git("show", f"HEAD:{API}/copy.py") == world.git("show", f"HEAD:{API}/f1.py")


def test_what_git_converts_travels_once(world, travels):
    world.home(".gitattributes", "*.txt text eol=lf\n")
    world.filled()
    travels.clear()
    world.host(f"{API}/dos.txt", "one\r\ntwo\r\n")
    assert world.sync().outcome == "pulled"
    assert world.git("show", f"HEAD:{API}/dos.txt") == "one\ntwo"
    assert travels == ["dos.txt"]
    world.sync()
    assert travels == ["dos.txt"]


def test_more_than_a_sync_may_bring_is_refused_and_home_stays(world, monkeypatch):
    world.filled()
    before = world.git("rev-parse", "HEAD")
    monkeypatch.setattr(cleaner, "MAX_TOTAL", 10)
    world.host(f"{API}/large.bin", "x" * 11)
    result = world.sync()
    assert "is the most for one sync" in result.error.message
    assert world.git("rev-parse", "HEAD") == before
