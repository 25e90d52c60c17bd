"""Whatever is done to what a role keeps: a look notices it, a deploy repairs it, and Ansible finds nothing to do."""

import datetime
import hashlib
import json
import time
import zipfile
from collections import Counter

import pytest
from forge import small_lock
from mutation.tamper import tamperings
from mutation.tampering import batches, q, sample
from place import BIN, MINUTES, REPO, Place
from soak import SOAK

from dgops.health import contract as contracts
from dgops.health.judge import judge
from dgops.hosts import inventory
from dgops.sandbox import hosts
from dgops.transport import agent
from dgops.transport.become import run_as_root
from dgops.transport.connect import connect

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(40 * MINUTES)]
ROLES = sorted({path.parent.name for path in (REPO / "roles").glob("*/checks.yml")} | {"contract"})
# Which sample of the repairs an ordinary run makes.
SEED = 1
# The agent unpacked, so that Python compiles it once and not for every look.
AGENT = "/var/tmp/dgops-agent"
# Every knob that lets a role keep something more.
WISHES = {
    "persistent_root": "/workspace/inner",
    "user__groups": ["adm", "audio"],
    "git_ssh__owner": "walshderek",
    "health_watch__minutes": 1440,
}


APPS = ["musubi_tuner", "sd_scripts", "ai_toolkit", "comfyui"]
# Two commits, and the last one's hash.
UPSTREAM = """
mkdir app && cd app && git init --quiet --initial-branch=main
for text in one two; do
  echo $text >main.py && git add main.py
  git -c user.name=u -c user.email=u@example.org commit --quiet --message $text
done
git rev-parse HEAD
"""
# Of the user that will be: git takes nothing from a folder that is somebody else's.
LANDING = "mkdir -p /srv/git && tar -C /srv/git -x && chown -R 1100:1100 /srv/git/app"


class Pod:
    """One deployed pod, its recorded run, and a look at it that takes one round trip."""

    def __init__(self, place):
        self.place = place
        self.host = inventory.load(place.settings).hosts["pod"]
        self.record = []
        self.transport = None

    def play(self):
        """Run plain Ansible and return its counts; every task and loop item is recorded."""
        path = self.place.root / "record.jsonl"
        plugins = [REPO / "dgops/deploy/callback", REPO / "tests/e2e/mutation"]
        self.place.env.update(
            ANSIBLE_CALLBACK_PLUGINS=":".join(map(str, plugins)),
            ANSIBLE_STDOUT_CALLBACK="dgops_events",
            ANSIBLE_CALLBACKS_ENABLED="recorder",
            DGOPS_RECORD=str(path),
        )
        command = [BIN / "ansible-playbook", "-i", self.place.root / "inventories/sandbox", "playbooks/site.yml"]
        done = self.place.run(*command, cwd=REPO, timeout=20 * MINUTES)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr
        self.record += [json.loads(line) for line in path.read_text().splitlines()]
        path.unlink()
        return json.loads(done.stdout.splitlines()[-1])["hosts"]["pod"]

    def deploy(self):
        """Deploy, and hold the contract that is kept then."""
        done = self.place.dgops("deploy", "--host", "pod", timeout=20 * MINUTES)
        assert done.returncode == 0, done.stdout + done.stderr
        kept = contracts.read(self.place.settings.state, "pod")
        self.contract, self.checks = kept.id, [one for one in kept.checks if one.kind == "state"]
        if self.transport is None:
            self.transport = connect(self.host, self.place.settings)
            self.transport.put(agent.archive(), f"{AGENT}.pyz")
            unpack = f"python3 -m zipfile -e {AGENT}.pyz {AGENT} && python3 -m compileall -q {AGENT}"
            assert run_as_root(self.transport, ["sh", "-c", unpack]).returncode == 0

    def spoilt(self, one):
        """Do one thing, look, and put it right again; returns the role's failing checks as (role, name, observed)."""
        checks = [check for check in self.checks if check.role == one.role]
        request = json.dumps({"checks": [check.request() for check in checks]})
        looking = f"echo {q(request)} | python3 {AGENT} probe"
        done = run_as_root(self.transport, ["sh", "-s"], stdin=one.alone(looking).encode())
        assert done.returncode == 0, f"{one.role}: {one.name}: cannot be done: {done.complaint}"
        return self.failing(json.loads(done.stdout), checks)

    def failing(self, answer, checks):
        pairs = zip(checks, answer["observations"], strict=True)
        results = [judge(check, observation, "fast-test") for check, observation in pairs]
        found = [(one.check.role, one.check.name, one.observed) for one in results if one.outcome != "pass"]
        marker = answer["marker"] or {}
        return found if marker.get("id") == self.contract else [*found, ("contract", "the marker", str(marker))]

    def look(self):
        """Look as it stands."""
        started = time.monotonic()
        answer = agent.call(self.transport, "probe", {"checks": [one.request() for one in self.checks]})
        return self.failing(answer, self.checks), answer["state_seconds"], time.monotonic() - started


@pytest.fixture(scope="module")
def pod(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("mutation"))
    try:
        place.up("pod")
        wishes = place.root / "inventories/sandbox/host_vars/pod.yml"
        wishes.parent.mkdir(parents=True)
        more = {**certificate(place.root), **seed(place.root), **conda(place.root), **apps(place)}
        wishes.write_text(json.dumps({**WISHES, **more}))
        found = Pod(place)
        found.play()
        found.deploy()
        found.all = tamperings(
            found.record, [{"role": one.role, "type": one.type, **one.wanted} for one in found.checks]
        )
        yield found
    finally:
        place.down()


def certificate(folder):
    """Make a certificate authority of the test's own, beside those of this machine."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "dgops mutation test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "mutation.crt"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    # With those that this machine's proxy may need.
    machines = "query('ansible.builtin.fileglob', '/usr/local/share/ca-certificates/*.crt') | sort"
    return {"ca_certificates__files": f"{{{{ {machines} + ['{path}'] }}}}"}


def seed(folder):
    """Make a wheel that a person gives to the cache."""
    (folder / "seed").mkdir()
    with zipfile.ZipFile(folder / "seed/seeded-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("seeded.py", "x = 1\n" * 100)
        wheel.writestr("seeded-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: seeded\nVersion: 1.0\n")
        wheel.writestr("seeded-1.0.dist-info/RECORD", "")
    return {"wheel_cache__seed": [str(folder / "seed")]}


def conda(folder):
    """Ask for an environment of an installer that behaves as Miniforge's does."""
    installer, lock = REPO / "tests/unit/roles/fake_miniforge.sh", folder / "deadly-ai.txt"
    lock.write_text("@EXPLICIT\npython-3.11.conda\n")
    return {
        "conda__environments": [{"name": "deadly-ai", "lock": str(lock)}],
        "conda__installer": str(installer),
        "conda__installer_sha256": hashlib.sha256(installer.read_bytes()).hexdigest(),
    }


def apps(place):
    """Ask for every app, all of one small repository on the pod itself."""
    made = place.run("sh", "-ec", UPSTREAM)
    commit = made.stdout.strip()
    way = next(one for one in hosts.listed(place.settings) if one.name == "pod").ssh_line
    sent = place.run("bash", "-ec", f"tar -c app | {way} {q(LANDING)}")
    assert made.returncode == sent.returncode == 0, made.stderr + sent.stderr
    small_lock(place.root / "locks")
    wishes = {"dgops_apps": APPS, "python_env__lock_folder": str(place.root / "locks")}
    for app in APPS:
        wishes.update({f"{app}__remote": "/srv/git/app", f"{app}__commit": commit, f"{app}__lock": "app"})
    return wishes


class TestMutation:
    """One pod's story, in order."""

    def test_a_ready_pod_holds(self, pod):
        failing, seconds, whole = pod.look()
        assert failing == []
        print(f"{len(pod.checks)} state checks in {seconds * 1000:.0f} ms, {whole * 1000:.0f} ms with the way there")

    def test_there_are_many(self, pod):
        counts = Counter(one.role for one in pod.all)
        print(f"{len(pod.all)} tamperings: {dict(counts)}")
        assert sum(1 for one in pod.all if not one.adopted) >= 150
        assert set(counts) == set(ROLES)

    @pytest.mark.parametrize("role", ROLES)
    def test_each_is_noticed_alone(self, pod, role):
        unseen = []
        for one in (one for one in pod.all if one.role == role):
            failing = pod.spoilt(one)
            if role not in {failed[0] for failed in failing}:
                unseen.append(f"{one.name} (failing: {failing})")
        assert unseen == [], f"{len(unseen)} of the role {role} are not noticed"
        assert pod.look()[0] == [], "something was not put right"

    def test_together_they_are_repaired(self, pod):
        """Each deploy has a batch of every role to mend: in a soak all of them, else every kind and every role once."""
        mended = [one for one in pod.all if not one.adopted]
        rounds = batches(mended) if SOAK else sample(mended, SEED)
        held = [one for together in rounds for one in together]
        assert {one.kind for one in held} == {one.kind for one in mended}
        assert {one.role for one in held} == set(ROLES)
        print(f"{sum(map(len, rounds))} tamperings in batches of {list(map(len, rounds))}")
        for together in rounds:
            script = "\n".join(f"(set -e; {one.script}) || echo {q(one.name)} cannot be done" for one in together)
            done = run_as_root(pod.transport, ["sh", "-s"], stdin=script.encode())
            assert (done.returncode, done.text) == (0, ""), done.complaint
            pod.deploy()
            assert pod.look()[0] == [], [one.name for one in together]

    def test_ansible_has_nothing_left_to_do(self, pod):
        assert pod.play()["changed"] == 0
