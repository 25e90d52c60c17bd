"""Everything that is not done yet, from every side, each with the command that does it."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from dgops import settings as settings_room
from dgops.errors import ConfigError, DgopsError, UnreachableError
from dgops.flows import done
from dgops.jobs import memory
from dgops.jobs.job import Job, Output
from dgops.jobs.listing import HostJobs
from dgops.sync.artifacts import Gathered
from dgops.sync.maps import Map, Shared
from dgops.sync.result import Result

INVENTORY = "all: {hosts: {pod: {ansible_host: 127.0.0.1}, gadget: {ansible_host: 127.0.0.1}}}\n"
AWAY = UnreachableError("pod does not answer", "is it up?")


def git(folder, *argv):
    subprocess.run(["git", "-C", folder, *argv], check=True, capture_output=True, timeout=30)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A project that is a repository of its own, one mapped repository beside it, and two hosts."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (tmp_path / "gitconfig").write_text("[user]\nname = Ann\nemail = ann@example.org\n")
    for name in ("project", "isengard"):
        git(tmp_path, "init", "-q", "-b", "main", name)
        git(tmp_path / name, "commit", "--allow-empty", "-qm", "first")
    project = tmp_path / "project"
    (project / "inventories/local").mkdir(parents=True)
    (project / "inventories/local/hosts.yml").write_text(INVENTORY)
    mapped = f'name = "api"\nhost = "pod"\nhost_path = "/app"\nrepo = "{tmp_path}/isengard"\nlocal_path = "api"\n'
    (project / "dgops.toml").write_text(f"[[sync.map]]\n{mapped}")
    git(project, "add", ".")
    git(project, "commit", "-qm", "second")
    place = SimpleNamespace(root=tmp_path, results=[], jobs=[], wishes=[], artifacts=[], gathered=[])
    place.settings = lambda: settings_room.load(project)
    place.shared = Shared("pod", tmp_path / "isengard", (Map("api", "pod", "/app", tmp_path / "isengard", "api"),))

    def synced(hosts, shared, settings, wish, say):
        assert [(host.name, one.name) for host, one in zip(hosts, shared, strict=True)] == [("pod", "isengard")]
        place.wishes.append(wish.status)
        return iter(place.results)

    def gathered(hosts, mapped, settings, say, *, looking):
        assert {host.name for host in hosts} == {one.host for one in mapped}
        place.gathered.append(looking)
        return iter(place.artifacts)

    monkeypatch.setattr(done, "sync_all", synced)
    monkeypatch.setattr(done.artifacts, "gather_all", gathered)
    monkeypatch.setattr(done, "listed", lambda hosts, settings: iter(place.jobs))
    place.look = lambda: done.look(settings_room.load(project), print)
    place.fix = lambda: done.fix(settings_room.load(project), print)
    return place


def test_nothing_is_left(place):
    place.results = [Result(place.shared, "parity", parity=True, states={"api": "parity"})]
    place.jobs = [HostJobs("pod", (Job("7f3a0000", "pod", "command", "true", "succeeded"),))]
    assert place.look() == ()


def test_each_thing_with_its_command(place):
    isengard = place.root / "isengard"
    git(isengard, "checkout", "-qb", "sync/pod/1120")
    git(isengard, "commit", "--allow-empty", "-qm", "theirs")
    git(isengard, "checkout", "-q", "main")
    for number in range(5):
        (isengard / f"{number}.py").touch()
    git(place.root, "init", "-q", "--bare", "remote")
    git(place.root / "project", "remote", "add", "origin", str(place.root / "remote"))
    place.results = [Result(place.shared, "pulled", states={"api": "1 edited on host"})]
    place.jobs = [HostJobs("pod", (Job("7f3a0000", "pod", "train", "amira", "running"),))]
    assert [(item.kind, item.where, item.words, item.mend) for item in place.look()] == [
        ("uncommitted", "isengard", "5 files: 0.py, 1.py, 2.py and 2 more", f"git -C {isengard} commit"),
        ("unmerged", "isengard", "branch sync/pod/1120", f"git -C {isengard} merge sync/pod/1120"),
        (
            "unpushed",
            "project",
            "2 commits on main",
            f"git -C {place.root}/project push --set-upstream origin main",
        ),
        ("unsynced", "pod", "api: 1 edited on host", "dgops sync --host pod"),
        ("running", "pod", "job 7f3a0000, running: amira", "dgops jobs follow 7f3a0000"),
    ]


def test_what_hosts_made_and_home_has_not(place):
    volume = Map("volume", "pod", "/workspace/out", place.root / "isengard", "data", kind="artifacts")
    place.artifacts = [
        Gathered(volume, ("a.safetensors", "b.png"), 2, 70),
        Gathered(volume, error=DgopsError("data is not ignored", "add a line")),
        Gathered(volume, (), 9, 99),
    ]
    job = {"id": "7f3a0000", "kind": "train", "label": "amira", "created": "now", "attest": "", "fingerprint": ""}
    outputs = [Output("out", place.root / "out")]
    for number, kept in enumerate([outputs, outputs, outputs, []]):
        memory.keep(place.settings().state, "pod", {**job, "id": f"7f3a000{number}"}, kept)
    memory.mark_home(place.settings().state, "7f3a0001")
    statuses = ["succeeded", "succeeded", "failed", "succeeded", "succeeded"]
    place.jobs = [
        HostJobs("pod", tuple(Job(f"7f3a000{n}", "pod", "train", "amira", one) for n, one in enumerate(statuses)))
    ]
    assert [(item.kind, item.where, item.words, item.mend) for item in place.look()] == [
        ("not home", "pod", "volume: 2 files: a.safetensors, b.png", "dgops sync --host pod"),
        ("unseen", "pod", "data is not ignored", "add a line"),
        ("not home", "pod", "outputs of job 7f3a0000: amira", "dgops jobs pull 7f3a0000"),
    ]
    assert place.gathered == [True]


def test_a_fresh_replica_is_nobodys_to_call_done(place):
    place.results = [Result(place.shared, "fresh", states={"api": "fresh: nothing is there"})]
    (item,) = place.look()
    assert (item.kind, item.mend) == ("unsynced", "dgops sync --host pod --from local|host")


def test_a_host_that_is_away_is_told_once(place):
    place.results = [Result(place.shared, "unreachable", error=AWAY)]
    place.jobs = [HostJobs("pod", error=AWAY), HostJobs("gadget", error=DgopsError("no python", "install it"))]
    assert [(item.kind, item.where, item.away) for item in place.look()] == [
        ("unseen", "pod", True),
        ("unseen", "gadget", False),
    ]


def test_a_mapped_folder_that_is_no_repository(place):
    subprocess.run(["rm", "-rf", place.root / "isengard/.git"], check=True, timeout=30)
    with pytest.raises(ConfigError, match="isengard is no git work tree"):
        place.look()


def test_only_a_sync_is_safe(place):
    place.results = [Result(place.shared, "pulled", parity=True)]
    assert [one.outcome for one in place.fix()] == ["pulled"]
    assert (place.wishes, place.gathered) == ([False], [False])


def test_without_maps_hosts_or_a_repository(tmp_path):
    (tmp_path / "dgops.toml").write_text("")
    settings = settings_room.load(tmp_path, options={"state": str(Path(tmp_path) / "state")})
    assert done.look(settings, print) == ()
    assert done.fix(settings, print) == []
