"""From a recipe to its outputs at home, though nothing is to be had at first and the pod is taken away midway."""

import hashlib
import json
import re
import shutil
import subprocess
import time
import urllib.request

import pytest
from place import REPO
from soak import SOAK
from test_runpod import Rented
from test_train import EVERY, LOCKED, STEPS, make_set, seed
from test_train import RECIPE as TRAINING

pytestmark = pytest.mark.e2e
COUNT = 6
GROUP = "dgops_mode: fast-test\ngit_ssh__check_auth: false\npersistent_root: /workspace\n"
MAP = {"name": "api", "host": "gadget", "host_path": "/app/api", "repo": "isengard", "local_path": "api"}
# The first attempt stops for good with the set half made.
RECIPE = """\
kind: script
command:
  - sh
  - -c
  - |
    dgops --mode fast-test run dataset --slug amira --source photos --trigger amiranoor --crop subject --output sets &
    if [ "$DGOPS_ATTEMPT" = 1 ]; then
      until [ -d sets/amira/02_crop ]; do sleep 0.02; done
      kill -STOP $!
      echo half way
      sleep 600
    fi
    wait $!
inputs: [photos]
outputs: [sets/amira/06_publish, sets/amira/07_summary]
"""


class Account(Rented):
    """A project with the inventory of rented pods, a repository, photographs and a recipe."""

    def __init__(self, root):
        super().__init__(root)
        shutil.copytree(REPO / "inventories" / "runpod", root / "inventories" / "runpod")
        (root / "inventories/runpod/group_vars/pods.yml").write_text(GROUP)
        (root / "dgops.toml").write_text("[[sync.map]]\n" + "".join(f'{key} = "{text}"\n' for key, text in MAP.items()))
        (root / "set.yml").write_text(RECIPE)
        self.env["DGOPS_MODE"] = "fast-test"
        self._photographs()
        (root / "isengard/api").mkdir(parents=True)
        (root / "isengard/api/main.py").write_text("one\n")
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Ann")
        self.git("config", "user.email", "ann@example.org")
        self.git("add", "-A")
        self.git("commit", "-qm", "first")

    def _photographs(self):
        import cv2
        import numpy

        (self.root / "photos").mkdir()
        for number in range(COUNT):
            random = numpy.random.default_rng(number)
            rough = random.integers(0, 255, (9, 12, 3), dtype=numpy.uint8)
            picture = cv2.resize(rough, (1000, 750), interpolation=cv2.INTER_CUBIC) + random.normal(
                0, 14, (750, 1000, 3)
            )
            cv2.imwrite(str(self.root / f"photos/{number}.jpg"), numpy.clip(picture, 0, 255).astype(numpy.uint8))

    def git(self, *argv):
        argv = ["git", "-C", self.root / "isengard", *argv]
        return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout

    def volume(self):
        body = json.dumps({"name": "models", "size": 10, "dataCenter": "US-KS-2"}).encode()
        head = {"Authorization": f"Bearer {self.env['RUNPOD_API_KEY']}", "Content-Type": "application/json"}
        asked = urllib.request.Request(f"{self.env['DGOPS_RUNPOD_URL']}/v2/network-volumes", body, head)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=30) as answer:
            return json.loads(answer.read())["id"]

    def there(self, command):
        done = self.dgops("pod", "ssh", "gadget", "--", "sh", "-c", command)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def pod(self):
        (found,) = self.json("pod", "list")[1]["pods"]
        return found


@pytest.fixture(scope="module")
def account(containers, tmp_path_factory):
    found = Account(tmp_path_factory.mktemp("account"))
    yield found
    found.down()


def until(true, seconds=120):
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends
        time.sleep(1)


def test_a_set_is_made_though_its_pod_is_taken_away(account):
    volume = account.volume()
    account.control("/faults", {"no_capacity": 2})
    asked = ("up", "gadget", "--recipe", "set.yml", "--gpu", "RTX 4090,L40S,A100 PCIe", "--env", "cu121")
    asked += ("--volume", "models", "--key", f"{account.key}.pub")
    running = account.start(*asked, stderr=subprocess.STDOUT)
    said = []
    for line in running.stdout:
        said.append(line)
        if line == "half way\n":
            break
    assert "half way\n" in said, "".join(said)
    first = account.pod()
    assert (first["gpu"], first["volume_id"]) == ("NVIDIA A100 80GB PCIe", volume)

    # Another one keeps its hands off; an edit is made there that nobody syncs.
    busy = account.dgops(*asked)
    assert (busy.returncode, "another dgops up of gadget" in busy.stderr) == (1, True)
    filled = account.dgops("sync", "--from", "local")
    assert filled.returncode == 0, filled.stderr
    account.there("echo two >>/app/api/main.py")
    until(lambda: "main.py" in account.there("cat /workspace/dgops-spool/*/edits.json 2>/dev/null || true"))

    account.control("/faults", {"zero_gpu": 1})
    account.control(f"/pods/{first['id']}/evict", {})
    rest, _ = running.communicate(timeout=900)
    said = "".join(said) + rest
    print(said)
    assert running.returncode == 0, said
    assert said.count("no longer any instances") == 2
    assert f"lost: pod {first['id']} is EXITED" in said
    assert "it goes on" in said
    assert len(re.findall(r"gadget  ready .* \d+\.\d s", said)) == 2
    assert len(list((account.root / "sets/amira/06_publish/1024").glob("*"))) == 2 * COUNT
    assert (account.root / "isengard/api/main.py").read_text() == "one\ntwo\n"
    assert "Dgops-Host: gadget" in account.git("log", "-1", "--format=%B")

    second = account.pod()
    assert (second["status"], second["volume_id"], second["id"] != first["id"]) == ("EXITED", volume, True)
    assert account.control()["billing"] == []
    again = account.dgops(*asked)
    assert (again.returncode, "done already" in again.stdout) == (0, True), again.stderr
    graph = account.run("ansible-inventory", "-i", "inventories/runpod", "--graph")
    print(graph.stdout)
    assert "@runpod_exited" in graph.stdout
    ended = account.dgops("pod", "terminate", "gadget")
    assert ended.returncode == 0, ended.stderr
    assert f"network volume {volume} stays" in ended.stderr
    assert account.control()["billing"] == []
    assert account.json("pod", "list")[1]["pods"] == []


@pytest.mark.skipif(not SOAK, reason="two deploys of a trainer take as long as all the rest here: make soak runs it")
def test_a_training_goes_on_though_its_pod_is_taken_away(containers, tmp_path):
    wheels = seed()
    if wheels is None:
        pytest.skip(f"no {LOCKED} in a folder that PIP_FIND_LINKS names")
    account = Account(tmp_path)
    try:
        trainer = f"dgops_apps: [tiny]\nwheel_cache__seed: [{wheels}]\n"
        (account.root / "inventories/runpod/group_vars/pods.yml").write_text(GROUP + trainer)
        make_set(account.root / "set")
        (account.root / "amira.yml").write_text(json.dumps(TRAINING))
        volume = account.volume()
        asked = ("up", "gadget", "--recipe", "amira.yml", "--gpu", "RTX 4090", "--env", "cu121")
        asked += ("--volume", "models", "--key", f"{account.key}.pub")
        running = account.start(*asked, stderr=subprocess.STDOUT)
        said = []
        for line in running.stdout:
            said.append(line)
            if line.startswith("  saved"):
                break
        first = account.pod()
        # Not to be had again: another one, with the same volume.
        account.control("/faults", {"zero_gpu": 1})
        account.control(f"/pods/{first['id']}/evict", {})
        rest, _ = running.communicate(timeout=900)
        said = "".join(said) + rest
        print(said)
        assert running.returncode == 0
        (home,) = (account.root / "models").glob("amira-*")
        card = json.loads((home / "card.json").read_text())["training"]
        assert card["begun_at"] in range(EVERY, STEPS, EVERY)
        assert f"on from step {card['begun_at']} of {STEPS}" in said
        assert (card["steps"], card["total"]) == (STEPS, STEPS)
        assert hashlib.sha256((home / "amira.safetensors").read_bytes()).hexdigest() == card["sha256"]
        second = account.pod()
        assert (second["status"], second["volume_id"], second["id"] != first["id"]) == ("EXITED", volume, True)
        assert account.control()["billing"] == []
    finally:
        account.down()
