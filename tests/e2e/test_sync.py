"""Double-apply with a real pod: four code maps of one repository, over SSH, with restarts, cuts and planted hooks."""

import json
import time

import pytest
from place import Place

from dgops.sandbox import faults, hosts

pytestmark = pytest.mark.e2e
MAPS = {
    "api": ("/app/apps/api/src", "apps/api/src"),
    "web": ("/app/apps/web/src", "apps/web/src"),
    "plugins": ("/app/packages/plugins", "packages/plugins"),
    "shared": ("/app/packages/shared", "packages/shared"),
}
NAME = "pod/isengard"


class Home:
    """A repository, its four maps, and a pod that nothing was deployed to."""

    def __init__(self, place):
        self.place = place
        self.repo = place.root / "isengard"
        tables = [
            f'[[sync.map]]\nname = "{name}"\nhost = "pod"\nhost_path = "{there}"\nrepo = "isengard"\n'
            f'local_path = "{here}"\nbranch = "main"\n'
            for name, (there, here) in MAPS.items()
        ]
        (place.root / "dgops.toml").write_text("\n".join(tables))
        self.repo.mkdir()
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Sean")
        self.git("config", "user.email", "sean@example.org")
        for _, here in MAPS.values():
            for number in range(8):
                self.write(f"{here}/m{number}.py", "".join(f"line {line}\n" for line in range(9)))
        self.commit("first")

    def git(self, *arguments):
        done = self.place.run("git", "-C", self.repo, *arguments, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, path, text):
        (self.repo / path).parent.mkdir(parents=True, exist_ok=True)
        (self.repo / path).write_text(text)

    def commit(self, message):
        self.git("add", "-A")
        self.git("commit", "-qm", message)

    def there(self, command):
        return self.place.on("pod", command)

    def sync(self, *options):
        code, found = self.place.json("sync", *options)
        assert self.git("fsck", "--no-dangling") == ""
        return code, found["repos"][NAME]

    @property
    def count(self):
        return int(self.git("rev-list", "--count", "HEAD"))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("sync"))
    try:
        place.up("pod")
        yield Home(place)
    finally:
        place.down()


def test_an_empty_pod_is_fresh_then_filled(home):
    done = home.place.dgops("sync", "--host", "pod")
    assert done.returncode == 1
    assert "fresh replica" in done.stderr
    assert "--from local" in done.stderr
    code, found = home.sync("--from", "local")
    assert (code, found["outcome"], len(found["pushed"])) == (0, "pushed", 32)
    assert found["local_tree"] == found["host_tree"]
    assert home.there("cat /app/packages/shared/m3.py") == (home.repo / "packages/shared/m3.py").read_text()


def test_edits_on_the_pod_come_home_as_one_commit(home):
    home.there("sed -i 's/line 3/pod 3/' /app/apps/api/src/m1.py; echo new >/app/packages/shared/clock.py")
    home.there("mkdir -p /app/apps/web/src/.git/hooks; echo 'touch /owned' >/app/apps/web/src/.git/hooks/post-checkout")
    shown = home.place.dgops("sync", "--status")
    assert shown.returncode == 0, shown.stderr
    assert [line.split("  ")[-1].strip() for line in shown.stdout.splitlines()[1:]] == [
        "1 edited on host",
        "parity",
        "parity",
        "1 edited on host",
    ]
    before = home.count
    done = home.place.dgops("sync", "--host", "pod")
    assert done.returncode == 0, done.stderr
    assert "pod → isengard   2 files edited on pod since" in done.stdout
    assert "  M apps/api/src/m1.py    A packages/shared/clock.py" in done.stdout
    assert done.stdout.splitlines()[-1].split()[-3:] == ["on", "main", "parity"], done.stdout
    assert home.count == before + 1
    assert "pod 3" in (home.repo / "apps/api/src/m1.py").read_text()
    trailers = home.git("log", "-1", "--format=%(trailers:only)").splitlines()
    assert [line.split(":")[0] for line in trailers] == ["Dgops-Host", "Dgops-Pod", "Dgops-Base"]
    assert not (home.repo / "apps/web/src/.git").exists()
    assert home.sync()[1]["outcome"] == "parity"


def test_a_conflict_and_a_dirty_work_tree_lose_nothing(home):
    home.there("sed -i 's/line 5/pod 5/' /app/apps/api/src/m2.py")
    home.write("apps/api/src/m2.py", (home.repo / "apps/api/src/m2.py").read_text().replace("line 5", "home 5"))
    code, found = home.sync()
    assert (code, found["outcome"]) == (1, "conflict"), "not committed at home"
    home.commit("home")
    done = home.place.dgops("sync")
    assert done.returncode == 1
    assert "error: the same lines changed on pod and at home: apps/api/src/m2.py" in done.stderr
    assert f"merge {found['branch']}" in done.stderr
    assert home.sync()[1]["branch"] == found["branch"]
    home.git("merge", "-X", "theirs", "--no-edit", found["branch"])
    assert home.sync()[0] == 0
    assert "pod 5" in (home.repo / "apps/api/src/m2.py").read_text()


def test_a_link_out_of_its_map_is_refused(home):
    home.there("ln -s /etc /app/packages/plugins/etc; ln -s m1.py /app/packages/plugins/good")
    code, found = home.sync()
    assert (code, found["outcome"], [one["path"] for one in found["files"]]) == (1, "pulled", ["packages/plugins/good"])
    assert found["skipped"][0]["path"] == "packages/plugins/etc"
    home.there("rm /app/packages/plugins/etc; mv /app/packages/plugins /app/else; ln -s else /app/packages/plugins")
    home.there("ln -sfn /app/else /app/packages/plugins")
    code, found = home.sync()
    assert (code, found["outcome"]) == (1, "refused")
    assert "plugins is a link" in found["error"]["message"]
    home.there("rm /app/packages/plugins; mv /app/else /app/packages/plugins")
    assert home.sync()[0] == 0


def test_two_at_once_make_one_commit(home):
    home.there("echo both >/app/apps/api/src/both.py")
    before = home.count
    running = [home.place.start("sync", "--json") for _ in range(2)]
    outcomes = [json.loads(one.communicate(timeout=90)[0])["repos"][NAME]["outcome"] for one in running]
    assert sorted(outcomes) == ["parity", "pulled"]
    assert home.count == before + 1


def test_a_cut_in_the_middle_is_exit_3_and_clean(home):
    home.there("dd if=/dev/urandom of=/app/apps/web/src/blob.bin bs=1M count=45 status=none")
    before = home.count
    scratch = home.repo / ".git/dgops-scratch"
    syncing = home.place.start("sync", "--json")
    until = time.monotonic() + 60
    while not list(scratch.glob("in-*/**/blob.bin")) and time.monotonic() < until:
        time.sleep(0.05)
    assert syncing.poll() is None, "its bytes are on their way"
    faults.partition("pod", home.place.settings)
    try:
        output, errors = syncing.communicate(timeout=200)
    finally:
        faults.heal("pod", home.place.settings)
    assert syncing.returncode == 3, output + errors
    assert (home.git("status", "--porcelain"), home.count) == ("", before)
    assert not scratch.exists()
    code, found = home.sync()
    assert (code, found["outcome"], home.count) == (0, "pulled", before + 1)
    home.git("rm", "-q", "apps/web/src/blob.bin")
    home.commit("without it")
    assert home.sync()[1]["outcome"] == "pushed"


def test_a_restarted_pod_reverts_and_deletes_nothing(home):
    head = home.git("rev-parse", "HEAD")
    hosts.stop("pod", home.place.settings)
    hosts.start("pod", home.place.settings)
    code, found = home.sync()
    assert (code, found["outcome"]) == (1, "fresh")
    home.there("mkdir -p /app/apps/api/src; echo 'old image' >/app/apps/api/src/m1.py")
    code, found = home.sync()
    assert (code, found["outcome"], home.git("rev-parse", "HEAD")) == (1, "fresh", head)
    assert home.there("cat /app/apps/api/src/m1.py") == "old image\n"
    code, found = home.sync("--from", "local")
    assert (code, found["outcome"], home.git("rev-parse", "HEAD")) == (0, "pushed", head)
    assert "pod 3" in home.there("cat /app/apps/api/src/m1.py")
    kept = home.git("for-each-ref", "--format=%(refname:short)", "refs/heads/sync").splitlines()[-1]
    assert home.git("show", f"{kept}:apps/api/src/m1.py") == "old image"
