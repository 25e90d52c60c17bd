"""Health on a real pod: what breaks while nobody deploys is seen, said with its next step, and reported."""

import hashlib
import json
import shlex
from xml.etree import ElementTree

import pytest
from place import Place

pytestmark = pytest.mark.e2e

MODEL = "/workspace/models/wan.safetensors"
SIZE = 70 << 20
COMFYUI = """
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/object_info" else 404)
        self.end_headers()
        self.wfile.write(open("/tmp/nodes.json", "rb").read())
    def log_message(self, *arguments): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 8188), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def place(stock, tmp_path_factory):
    found = Place(tmp_path_factory.mktemp("health"))
    try:
        # A rented pod whose container was started as plainly as can be.
        stock.give(found, small={"/dev/shm": "64m"})
        variables = {
            "base__comfyui_url": "http://127.0.0.1:8188",
            "base__comfyui_nodes": ["KSampler", "UnetLoaderGGUF"],
            "base__models": [{"path": MODEL, "size": SIZE, "sha256": hashlib.sha256(bytes(SIZE)).hexdigest()}],
        }
        (found.root / "inventories/sandbox/host_vars").mkdir()
        (found.root / "inventories/sandbox/host_vars/pod.yml").write_text(json.dumps(variables))
        done = found.dgops("deploy", "--host", "pod")
        assert done.returncode == 0, done.stdout + done.stderr
        yield found
    finally:
        found.down()


def look(place, *options):
    """Return the exit code and the checks by name."""
    code, found = place.json("health", *options)
    return code, {one["check"]: one for one in found["hosts"]["pod"]["checks"]}


def failing(place, *options):
    return {name for name, one in look(place, *options)[1].items() if one["outcome"] in ("fail", "error")}


class TestOnePod:
    """One pod's story, in order."""

    def test_everything_that_is_missing_is_said(self, place):
        code, found = look(place)
        assert code == 1
        assert failing(place) == {"processes can share memory", "ComfyUI answers", "wan.safetensors is there"}
        assert found["processes can share memory"]["observed"] == "64 MB, 64 free"
        assert "--shm-size" in found["processes can share memory"]["mend"]
        assert "refused" in found["ComfyUI answers"]["observed"]
        assert found["wan.safetensors is there"]["observed"] == f"{MODEL} is absent"
        for name in ("the clock is right", "sshd answers", "wheels can be kept", "disk has room", "memory is free"):
            assert found[name]["outcome"] == "pass", found[name]
        assert found["sshd answers"]["observed"].startswith("SSH-2.0-OpenSSH")

    def test_the_text_says_what_to_do(self, place):
        done = place.dgops("health")
        assert done.returncode == 1
        lines = done.stdout.splitlines()
        assert lines[0].split() == ["HOST", "STATE", "CHECKS", "GPU", "ROOT", "TORCH", "DEPLOYED"]
        at = lines.index("  fail  base: processes can share memory")
        assert lines[at + 1 : at + 4] == [
            "        expected  512 MB of /dev/shm",
            "        observed  64 MB, 64 free",
            "        mend      start the container with --shm-size=512m or more; data loaders need it",
        ]

    def test_comfyui_without_a_node(self, place):
        nodes = shlex.quote(json.dumps({"KSampler": {}}))
        place.on("pod", f"echo {nodes} >/tmp/nodes.json; setsid python3 -c {shlex.quote(COMFYUI)} >/tmp/log 2>&1 &")
        place.on("pod", "for i in $(seq 50); do grep -q :1FFC /proc/net/tcp && exit; sleep 0.1; done; exit 1")
        assert look(place)[1]["ComfyUI answers"]["observed"] == "missing: UnetLoaderGGUF"
        nodes = shlex.quote(json.dumps({"KSampler": {}, "UnetLoaderGGUF": {}}))
        place.on("pod", f"echo {nodes} >/tmp/nodes.json")
        assert look(place)[1]["ComfyUI answers"]["observed"] == "2 node classes"

    def test_a_large_model_is_read_once(self, place):
        place.on("pod", f"mkdir -p /workspace/models; head -c {SIZE} /dev/zero >{MODEL}")
        found = look(place)[1]["wan.safetensors is there"]
        assert found["observed"] == "70.0 MB, its content was never read"
        assert found["mend"].startswith("dgops health --deep")
        assert "wan.safetensors is there" not in failing(place, "--deep")
        assert "wan.safetensors is there" not in failing(place)
        place.on("pod", f"printf x | dd of={MODEL} conv=notrunc status=none")
        assert "wan.safetensors is there" in failing(place)
        assert look(place, "--deep")[1]["wan.safetensors is there"]["observed"].startswith("sha256 ")
        place.on("pod", f"truncate -s 5 {MODEL}")
        assert look(place)[1]["wan.safetensors is there"]["observed"] == "5 bytes"

    def test_a_lock_left_behind_and_the_line_that_mends_it(self, place):
        script = "mkdir -p ~/apps/deadly && cd ~/apps/deadly && git init -q && touch -d '2 hours ago' .git/index.lock"
        place.on("pod", f"su - seanf -c {shlex.quote(script)}")
        found = look(place)[1]["no git left its lock behind"]
        lock = "/home/seanf/apps/deadly/.git/index.lock"
        assert (found["outcome"], found["observed"]) == ("fail", f"{lock}, 2 h old, no git at work")
        assert found["mend"] == f"on the host: rm -f {lock}"
        place.on("pod", found["mend"].partition(": ")[2])
        assert look(place)[1]["no git left its lock behind"]["observed"] == "1 repository"

    def test_junit(self, place):
        done = place.dgops("health", "--format", "junit")
        assert done.returncode == 1
        (suite,) = ElementTree.fromstring(done.stdout)
        cases = {case.get("name"): case for case in suite}
        assert suite.get("tests") == str(len(suite))
        assert suite.get("failures") == "2"
        assert cases["processes can share memory"].find("failure").text.splitlines()[1] == "observed  64 MB, 64 free"
        assert cases["a CUDA GPU is there"].find("skipped") is not None

    def test_prometheus(self, place):
        done = place.dgops("health", "--format", "prometheus")
        assert done.returncode == 1
        lines = done.stdout.splitlines()
        assert 'dgops_host_up{host="pod"} 1' in lines
        assert 'dgops_check{host="pod",role="base",check="processes can share memory",kind="live"} 0' in lines
        assert 'dgops_check{host="pod",role="base",check="sshd answers",kind="live"} 1' in lines
        assert any(line.startswith('dgops_disk_free_bytes{host="pod",path="/workspace",type="') for line in lines)

    def test_two_forms_at_once(self, place):
        assert place.dgops("health", "--json", "--format", "junit").returncode == 2
        assert place.dgops("health", "--watch", "--format", "prometheus").returncode == 2
