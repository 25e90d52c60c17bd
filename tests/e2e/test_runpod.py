"""Pods rented at the double, which are containers: in over SSH, stopped, started, evicted, and never lost sight of."""

import json
import os
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest
from place import Place

pytestmark = pytest.mark.e2e


class Rented(Place):
    """A place whose pods are rented at a double of its own."""

    def __init__(self, root):
        super().__init__(root)
        self.key = root / "home" / "id"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True, timeout=20)
        self.double = self.open()

    def open(self):
        code, answer = self.json("sandbox", "runpod", "up")
        assert code == 0
        self.env |= answer["environment"]
        return answer

    def create(self, name, *more):
        argv = ["--gpu", "RTX 5090,RTX 4090", "--env", "cu121", "--key", f"{self.key}.pub", *more]
        return self.dgops("pod", "create", name, *argv)

    def control(self, path="", body=None):
        request = urllib.request.Request(
            f"{self.env['DGOPS_RUNPOD_URL']}/control{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.env['RUNPOD_API_KEY']}"},
        )
        # An eviction answers when the container is gone: on a busy machine that takes its time.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=120) as answer:
            return json.loads(answer.read() or b"null")

    def take_in(self, name):
        """Take a pod in as a host by what `pod show` says, its key proven by its own log."""
        _, shown = self.json("pod", "show", name)
        ssh, keys = shown["pod"]["ssh"], shown["host_keys"]
        line = f"ssh {ssh['user']}@{ssh['host']} -p {ssh['port']} -i {self.key}"
        done = self.dgops("hosts", "add", name, line, "--fingerprint", keys["ED25519"])
        assert done.returncode == 0, done.stderr
        (self.root / "config").write_text(self.dgops("hosts", "ssh-config").stdout)
        return ssh["port"], keys

    def sh(self, name, command):
        return self.run("ssh", "-F", self.root / "config", "-o", "BatchMode=yes", name, command, timeout=30)


@pytest.fixture(scope="module")
def place(containers, tmp_path_factory):
    found = Rented(tmp_path_factory.mktemp("rented"))
    yield found
    found.down()


def test_a_pod_is_rented_stopped_started_and_ended(place):
    done = place.create("story", "--volume-gb", "10")
    assert done.returncode == 0, done.stderr
    assert "RTX 4090" in done.stdout
    port, keys = place.take_in("story")
    assert place.sh("story", "echo kept >/workspace/a; echo lost >/root/a").returncode == 0
    # The pod's own environment reaches its first process only.
    assert "RUNPOD_POD_ID" in place.sh("story", "tr '\\0' '\\n' </proc/1/environ").stdout
    assert place.json("pod", "create", "story", "--gpu", "L40S", "--env", "cu121", "--key", f"{place.key}.pub")[0] == 0
    assert place.json("pod", "list")[1]["cost_per_hour"] == pytest.approx(0.69)
    assert place.dgops("pod", "stop", "story").returncode == 0
    assert place.control()["billing"] == []
    # Nobody's pod is taken for this one behind its old port.
    assert place.sh("story", "true").returncode == 255
    assert place.dgops("pod", "start", "story").returncode == 0
    fresh_port, fresh_keys = place.take_in("story")
    assert fresh_port != port
    assert fresh_keys.keys() == keys.keys()
    assert not set(fresh_keys.values()) & set(keys.values())
    assert place.sh("story", "cat /workspace/a; ls /root/a").stdout == "kept\n"
    # Its keys were pinned by the start: OpenSSH believes them, and goes in with the key of the create.
    assert place.dgops("pod", "ssh", "story", "--", "sh", "-c", "echo 'in there'; exit 5").stdout == "in there\n"
    assert place.dgops("pod", "restart", "story").returncode == 0
    assert place.dgops("pod", "ssh", "story", "--", "cat", "/workspace/a").stdout == "kept\n"
    assert place.dgops("pod", "terminate", "story").returncode == 0
    assert place.control()["billing"] == []


def test_a_create_that_goes_wrong_leaves_one_pod_or_none(place):
    place.control("/faults", {"fail_after_create": 1})
    done = place.create("lost")
    assert done.returncode == 0, done.stderr
    assert len(place.control()["billing"]) == 1
    place.dgops("pod", "terminate", "lost")
    place.control("/faults", {"slow_start": 60})
    done = place.create("slow", "--wait", "3")
    assert done.returncode == 3
    assert "it was terminated" in done.stderr
    place.control("/faults", {"slow_start": 0})
    assert place.control()["billing"] == []


def test_a_bad_machine_goes_and_the_next_is_taken(place):
    place.control("/faults", {"dead_sshd": 1, "zero_gpu": 0})
    done = place.create("bad", "--gpu", "RTX 4090,L40S", "--wait", "20")
    assert done.returncode == 0, done.stderr
    assert "L40S" in done.stdout
    assert "passed over: NVIDIA GeForce RTX 4090: pod" in done.stderr
    assert len(place.control()["billing"]) == 1
    # A key that the pod does not know opens nothing, and what it does not open is not kept.
    place.dgops("pod", "terminate", "bad")
    other = place.root / "home" / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True, timeout=20)
    other.with_suffix(".pub").write_text(Path(f"{place.key}.pub").read_text())
    done = place.dgops(
        "pod", "create", "shut", "--gpu", "L40S", "--env", "cu121", "--key", f"{other}.pub", "--wait", "15"
    )
    assert done.returncode == 3
    assert "lets none of these keys in" in done.stderr
    assert place.control()["billing"] == []


def test_a_spot_pod_is_outbid_and_moved(place):
    assert place.create("cheap", "--spot", "--volume-gb", "10").returncode == 0
    assert place.dgops("pod", "ssh", "cheap", "--", "sh", "-c", "echo kept >/workspace/a").returncode == 0
    (pod,) = place.json("pod", "list")[1]["pods"]
    assert (pod["spot"], pod["state"]) == (True, "running")
    place.control(f"/pods/{pod['id']}/evict", {})
    assert [one["state"] for one in place.json("pod", "list")[1]["pods"]] == ["outbid"]
    assert place.dgops("pod", "start", "cheap").returncode == 0
    moved = place.control(f"/pods/{pod['id']}/migrate", {})
    done = place.dgops("pod", "start", "cheap")
    assert (done.returncode, f"is another pod now: {moved['id']}" in done.stderr) == (0, True)
    done = place.dgops("pod", "ssh", "cheap", "--", "cat", "/workspace/a")
    assert (done.stdout, done.returncode) == ("kept\n", 0), done.stderr
    (now,) = place.json("pod", "list")[1]["pods"]
    assert (now["id"], now["ssh"]["host"], now["state"]) == (moved["id"], "127.0.0.2", "running")
    assert place.json("pod", "costs")[1]["balance"]["per_hour"] == pytest.approx(0.345)
    assert place.dgops("pod", "terminate", "cheap").returncode == 0
    assert place.control()["billing"] == []


def test_a_create_that_is_interrupted_leaves_nothing(place):
    place.control("/faults", {"slow_start": 60})
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 130)):
        running = place.start(
            "pod", "create", "cut", "--gpu", "RTX 4090", "--env", "cu121", "--key", f"{place.key}.pub"
        )
        assert any("running" in line for line in running.stderr)
        running.send_signal(number)
        _, said = running.communicate(timeout=60)
        assert (running.returncode, "the new pod is terminated" in said) == (code, True)
        assert place.control()["billing"] == []
    running = place.start("pod", "create", "cut", "--gpu", "RTX 4090", "--env", "cu121", "--key", f"{place.key}.pub")
    assert any("running" in line for line in running.stderr)
    running.kill()
    running.communicate(timeout=60)
    # Nothing could be said any more; whoever looks next finds it, and is not told that nobody asked for it.
    looked = place.dgops("pod", "list")
    assert ("cut" in looked.stdout, "nobody here asked" in looked.stderr) == (True, False)
    assert place.dgops("pod", "terminate", "cut").returncode == 0
    assert place.control()["billing"] == []
    place.control("/faults", {"slow_start": 0})


def test_a_killed_double_goes_on_and_an_eviction_keeps_the_volume(place):
    assert place.create("tough", "--volume-gb", "10").returncode == 0
    place.take_in("tough")
    assert place.sh("tough", "echo kept >/workspace/a").returncode == 0
    os.kill(place.open()["pid"], signal.SIGKILL)
    assert place.dgops("pod", "list").returncode == 3
    assert place.open()["reused"] is False
    _, shown = place.json("pod", "list")
    assert [one["status"] for one in shown["pods"]] == ["RUNNING"]
    assert place.sh("tough", "cat /workspace/a").stdout == "kept\n"
    pod = shown["pods"][0]["id"]
    assert place.control(f"/pods/{pod}/evict", {})["status"] == "EXITED"
    assert place.sh("tough", "true").returncode == 255
    assert place.dgops("pod", "start", "tough").returncode == 0
    place.take_in("tough")
    assert place.sh("tough", "cat /workspace/a").stdout == "kept\n"


def test_down_takes_it_all(place):
    pid = place.open()["pid"]
    assert place.dgops("sandbox", "down").returncode == 0
    # What is left of it may wait for its parent, but has no command line any more.
    assert not Path(f"/proc/{pid}").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes()
    assert place.json("sandbox", "runpod", "down")[1]["ended"] is False
    assert not (place.settings.state / "sandbox").exists()
