"""Apps on a pod, from repositories that are given out by git over SSH: cloned, moved, edited, started."""

import json

import pytest
from forge import Forge, comfyui_files, node_files, small_lock, trainer_files
from place import BIN, REPO, Place

pytestmark = pytest.mark.e2e
ROOT = "/home/seanf/deadlygraphics/ai/apps"
MUSUBI, COMFYUI = f"{ROOT}/musubi-tuner", f"{ROOT}/ComfyUI"
GIT = f"runuser -u seanf -- git -C {MUSUBI}"


@pytest.fixture(scope="module")
def place(stock, tmp_path_factory):
    found = Place(tmp_path_factory.mktemp("apps"))
    try:
        stock.give(found)
        yield found
    finally:
        found.down()


@pytest.fixture(scope="module")
def forge(place):
    found = Forge(place)
    found.let_in(place.on("pod", "cat /home/seanf/.ssh/id_ed25519.pub"))
    small_lock(place.root / "locks")
    wishes = {
        "dgops_apps": ["musubi_tuner", "comfyui"],
        "git_ssh__host_keys": found.host_keys,
        "git_ssh__check_auth": False,
        "python_env__lock_folder": str(place.root / "locks"),
        "musubi_tuner__remote": found.remote("musubi-tuner"),
        "musubi_tuner__commit": found.create("musubi-tuner", trainer_files("musubi-tuner")),
        "musubi_tuner__lock": "app",
        "comfyui__remote": found.remote("ComfyUI"),
        "comfyui__commit": found.create("ComfyUI", comfyui_files()),
        "comfyui__lock": "app",
        "comfyui__custom_nodes": [
            {
                "name": "ipadapter",
                "remote": found.remote("ipadapter"),
                "commit": found.create("ipadapter", node_files()),
            }
        ],
        "comfyui__required_nodes": ["KSampler", "IPAdapterAdvanced"],
    }
    found.wish = lambda **more: _write(place, wishes, more)
    found.wish()
    return found


def _write(place, wishes, more):
    wishes.update(more)
    folder = place.root / "inventories/sandbox/host_vars"
    folder.mkdir(exist_ok=True)
    (folder / "pod.yml").write_text(json.dumps(wishes))


def deploy(place, *options):
    done = place.dgops("deploy", "--host", "pod", *options)
    return done.returncode, done.stdout + done.stderr


def listed(place):
    code, found = place.json("apps", "list", "--host", "pod")
    return code, {one["app"]: one for one in found["pod"]}


class TestApps:
    """One pod's story, in order."""

    def test_they_are_cloned_as_the_user_with_venvs_of_their_own(self, place, forge):
        code, said = deploy(place)
        assert code == 0, said
        assert (
            place.on("pod", f"stat -c %U {MUSUBI}/.git/HEAD {COMFYUI}/custom_nodes/ipadapter").split() == ["seanf"] * 2
        )
        assert place.on("pod", f"{COMFYUI}/.venv/bin/python -c 'import click; print(1)'") == "1\n"
        code, apps = listed(place)
        assert (code, [(one["state"], one["edits"]) for one in apps.values()]) == (0, [("pinned", 0)] * 3)

    def test_a_second_run_changes_nothing(self, place, forge):
        code, found = place.json("deploy", "--host", "pod")
        assert (code, found["hosts"]["pod"]["outcome"]) == (0, "unchanged")
        argv = ["-i", place.root / "inventories/sandbox", "-l", "pod", "playbooks/site.yml"]
        done = place.run(BIN / "ansible-playbook", *argv, cwd=REPO)
        assert " changed=0 " in done.stdout.splitlines()[-2], done.stdout
        assert deploy(place)[0] == 0

    def test_an_edit_is_seen_and_kept(self, place, forge):
        place.on("pod", f"echo 'print(2)' >{MUSUBI}/src/train.py")
        _, found = place.json("health")
        checks = {one["check"]: one for one in found["hosts"]["pod"]["checks"] if one["role"] == "musubi_tuner"}
        assert checks["musubi-tuner is at its commit"]["outcome"] == "pass"
        assert checks["musubi-tuner is as upstream has it"]["observed"] == "edited: src/train.py"
        assert deploy(place, "--full")[0] == 0
        assert place.on("pod", f"cat {MUSUBI}/src/train.py") == "print(2)\n"
        done = place.dgops("apps", "list", "--host", "pod")
        assert "  M src/train.py" in done.stdout.splitlines()

    def test_what_upstream_has_newer_is_said(self, place, forge):
        forge.newer = forge.commit("musubi-tuner", {"src/train.py": "print(3)\n"})
        done = place.dgops("apps", "update", "--dry-run", "--host", "pod")
        assert done.returncode == 0, done.stderr
        assert f"main {forge.newer[:10]}, 1 commit newer" in done.stdout
        assert f"  musubi_tuner__commit: {forge.newer}" in done.stdout.splitlines()
        assert place.dgops("apps", "update").returncode == 2

    def test_a_moved_pin_does_not_write_over_the_edit(self, place, forge):
        forge.wish(musubi_tuner__commit=forge.newer)
        code, said = deploy(place)
        assert code == 1
        assert "src/train.py is edited there, so it stays at" in said
        assert place.on("pod", f"cat {MUSUBI}/src/train.py") == "print(2)\n"
        place.on("pod", f"{GIT} stash -q")
        code, said = deploy(place)
        assert code == 0, said
        assert place.on("pod", f"cat {MUSUBI}/src/train.py") == "print(3)\n"

    def test_what_was_moved_or_removed_is_put_right(self, place, forge):
        place.on("pod", f"{GIT} checkout -q HEAD~1; rm -r {MUSUBI}/.venv/lib/python3*/site-packages/click")
        place.on("pod", f"rm -r {COMFYUI}")
        code, found = place.json("health")
        failing = {(one["role"], one["check"]) for one in found["hosts"]["pod"]["checks"] if one["outcome"] == "fail"}
        assert code == 1
        assert ("musubi_tuner", "musubi-tuner is at its commit") in failing
        assert ("python_env", "deadlygraphics/ai/apps/musubi-tuner/.venv is as its lock says") in failing
        assert ("comfyui", "ComfyUI is at its commit") in failing
        code, said = deploy(place)
        assert code == 0, said
        assert {one["state"] for one in listed(place)[1].values()} == {"pinned"}

    def test_a_history_that_was_rewritten_is_said(self, place, forge):
        lost = forge.rewrite("musubi-tuner")
        done = place.dgops("apps", "update", "--dry-run", "--host", "pod")
        assert "no branch or tag of upstream holds the pin any more" in done.stdout
        place.on("pod", f"rm -rf {MUSUBI}")
        code, said = deploy(place)
        assert code == 1
        assert f"its remote has no commit {lost[:10]} (any more): its history was rewritten, or the pin" in said
        forge.wish(dgops_apps=["comfyui"])
        assert deploy(place)[0] == 0


class TestComfyUI:
    """It is started, found, asked and ended."""

    def test_one_command_makes_it_ready(self, place, forge):
        done = place.dgops("comfyui", "start", "--host", "pod")
        assert done.returncode == 0, done.stderr
        assert "pod  ready  ComfyUI 0.3.64, 6 node classes, cpu" in done.stdout
        code, found = place.json("comfyui", "status")
        assert (code, found["pod"]["state"], found["pod"]["device"]) == (0, "ready", "cpu")
        job = place.json("jobs", "show", found["pod"]["job"])[1]
        assert (job["kind"], job["status"]) == ("comfyui", "running")
        log = place.on("pod", f"cat {job['folder']}/stdout.log")
        assert "disable_api_nodes=True" in log
        assert "sqlite:////[HOME]/.local/share/comfyui/comfyui.db" in log

    def test_health_finds_it_with_its_nodes(self, place, forge):
        _, found = place.json("health")
        check = next(one for one in found["hosts"]["pod"]["checks"] if one["check"] == "ComfyUI answers")
        assert (check["outcome"], check["observed"]) == ("pass", "6 node classes (0.3.64, cpu)")

    def test_started_again_it_is_the_same(self, place, forge):
        job = place.json("comfyui", "status")[1]["pod"]["job"]
        code, found = place.json("comfyui", "start", "--host", "pod")
        assert (code, found["job"]) == (0, job)

    def test_another_controller_finds_it(self, place, forge):
        (place.settings.state / "jobs").rename(place.settings.state / "forgotten")
        assert place.json("comfyui", "status")[1]["pod"]["state"] == "ready"

    def test_models_of_the_store_are_offered(self, place, forge):
        place.on("pod", "echo x >/workspace/models/loras/amira.safetensors; echo x >/workspace/models/text_encoders/t5")
        ask = "python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())'"
        assert json.loads(place.on("pod", f"{ask} http://127.0.0.1:8188/models/loras")) == ["amira.safetensors"]
        assert json.loads(place.on("pod", f"{ask} http://127.0.0.1:8188/models/clip")) == ["t5"]

    def test_it_is_reached_from_here(self, place, forge):
        import urllib.request

        opened = place.start("comfyui", "open", "--host", "pod")
        url = opened.stdout.readline().strip()
        with urllib.request.urlopen(f"{url}/system_stats", timeout=20) as reply:
            assert json.loads(reply.read())["system"]["comfyui_version"] == "0.3.64"
        opened.send_signal(2)
        assert opened.wait(20) == 0

    def test_it_is_stopped_and_stopped_again(self, place, forge):
        assert "stopped" in place.dgops("comfyui", "stop", "--host", "pod").stdout
        assert "did not run" in place.dgops("comfyui", "stop", "--host", "pod").stdout
        code, found = place.json("comfyui", "status")
        assert (code, found["pod"]["state"]) == (1, "stopped")

    def test_one_of_somebody_else_is_not_taken_for_ours(self, place, forge):
        serve = "python3 -m http.server 8188 --bind 127.0.0.1"
        place.on("pod", f"setsid {serve} >/dev/null 2>&1 </dev/null & echo $! >/tmp/pid")
        place.on("pod", "for n in $(seq 100); do ss -ltn | grep -q :8188 && exit; sleep 0.1; done; exit 1")
        done = place.dgops("comfyui", "start", "--host", "pod")
        assert done.returncode == 1
        assert "something answers at http://127.0.0.1:8188 on pod that dgops did not start" in done.stderr
        place.on("pod", "kill $(cat /tmp/pid)")

    def test_an_update_that_knows_other_options_starts(self, place, forge):
        text = comfyui_files()["main.py"].replace('"disable-api-nodes", "normalvram"', '"offline", "disable-assets"')
        forge.wish(comfyui__commit=forge.commit("ComfyUI", {"main.py": text.replace("0.3.64", "0.38.1")}))
        code, found = place.json("comfyui", "start", "--deploy", "--host", "pod")
        assert (code, found["state"], found["version"]) == (0, "ready", "0.38.1")
        assert found["deploy_seconds"] > 0

    def test_one_that_cannot_start_says_why(self, place, forge):
        place.dgops("comfyui", "stop", "--host", "pod")
        forge.wish(comfyui__arguments=["--no-such-option"])
        assert deploy(place)[0] == 0
        done = place.dgops("comfyui", "start", "--host", "pod")
        assert done.returncode == 1
        assert "unrecognized arguments: --no-such-option" in done.stderr
