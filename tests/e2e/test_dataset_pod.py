"""The dataset pipeline on a pod: the same files as here, whatever was killed on the way."""

import hashlib
import json
import signal
import subprocess
import time

import pytest

from dgops.sandbox import hosts

pytestmark = pytest.mark.e2e
SLUG = "amira"
OPTIONS = ("--slug", SLUG, "--source", "photos", "--trigger", "amiranoor", "--crop", "subject")
COUNT = 12


@pytest.fixture(scope="module")
def place(ready):
    """A folder of photographs of which no two look alike, and what an undisturbed run here makes of them."""
    import cv2
    import numpy

    folder = ready.root / "photos"
    folder.mkdir(exist_ok=True)
    for number in range(COUNT):
        random = numpy.random.default_rng(number)
        rough = random.integers(0, 255, (9, 12, 3), dtype=numpy.uint8)
        picture = cv2.resize(rough, (1000, 750), interpolation=cv2.INTER_CUBIC)
        grain = random.normal(0, 14, picture.shape)
        picture = numpy.clip(picture + grain, 0, 255).astype(numpy.uint8)
        cv2.imwrite(str(folder / f"photo {number:02}.jpg"), picture)
    (folder / "notes.txt").write_text("no photograph\n")
    done = ready.dgops("run", "dataset", *OPTIONS, "--output", "here")
    assert done.returncode == 0, done.stdout + done.stderr
    return ready


def digests(folder):
    """Return what is published and summed up below a folder: images, captions, configurations, scripts, sheet."""
    found = {}
    for stage in ("06_publish", "07_summary"):
        for path in sorted((folder / SLUG / stage).rglob("*")):
            if path.is_file() and path.name != "manifest.json":
                found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def run(place, *more):
    return place.dgops("run", "dataset", "--host", "pod", *OPTIONS, "--output", "home", *more)


def start(place):
    return place.start("run", "dataset", "--host", "pod", *OPTIONS, "--output", "home")


def once(place, condition, patience=60):
    """Wait on the pod, without a round trip, until a shell condition holds."""
    place.on("pod", f"timeout {patience} sh -c 'until {condition}; do sleep 0.01; done'")


def job_folder(place):
    return place.on("pod", "ls -td /workspace/dgops/jobs/*/ | head -n 1").strip()


def over(place):
    """Wait until no job goes on there."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        _, listed = place.json("jobs", "list", "--host", "pod")
        if not any(one["status"] in ("queued", "running") for one in listed):
            return listed
        time.sleep(0.5)
    raise AssertionError(listed)


def test_a_pod_does_what_is_done_here(place):
    done = run(place)
    assert done.returncode == 0, done.stdout + done.stderr
    here = digests(place.root / "here")
    assert len(here) == 2 * 2 * COUNT + 5 + 2, sorted(here)
    assert digests(place.root / "home") == here
    assert "nothing shipped" in done.stderr
    _, listed = place.json("jobs", "list")
    assert [(one["kind"], one["status"]) for one in listed[:1]] == [("dataset", "succeeded")]


def test_again_uploads_nothing_and_makes_nothing(place):
    before = place.on("pod", f"find /workspace/dgops/outputs/{SLUG} -type f -printf '%p %T@\\n' | sort")
    done = run(place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{COUNT + 1} already there" in done.stderr
    assert done.stderr.count(" held\n") == 7
    assert place.on("pod", f"find /workspace/dgops/outputs/{SLUG} -type f -printf '%p %T@\\n' | sort") == before


def test_a_host_with_trainers_gets_the_set(place):
    """Its inventory names them: shipped once, again for nothing, and never over somebody else's files."""
    folders = {"publish_targets": {"windows": "/home/seanf/win", "linux": "/home/seanf/lin"}}
    variables = place.root / "inventories/sandbox/host_vars/pod.yml"
    variables.parent.mkdir(exist_ok=True)
    variables.write_text(json.dumps({**folders, "dataset_warehouse": "/home/seanf/ware"}))
    try:
        missing = run(place)
        assert missing.returncode == 1
        assert "/home/seanf/ware: no such folder" in missing.stderr
        place.on("pod", "install -d -o seanf /home/seanf/win /home/seanf/lin /home/seanf/ware")
        done = run(place)
        assert done.returncode == 0, done.stderr
        listing = place.on("pod", "cd /home/seanf && ls -A win lin ware").split()
        configs = {"config_win.toml", "train_win.bat", "config_linux.toml", "train_linux.sh"}
        assert configs | {f"{SLUG}_contact_sheet.png", f"{SLUG}_captions.txt"} <= set(listing)
        assert int(place.on("pod", "ls /home/seanf/win/256 | wc -l")) == 2 * COUNT
        place.on("pod", "touch /home/seanf/lin/256/mine.jpg")
        refused = run(place)
        assert refused.returncode == 1
        assert "mine.jpg" in refused.stderr
    finally:
        variables.unlink()


@pytest.mark.parametrize("killed", ["controller", "agent", "stage", "pull", "container"])
def test_killed_and_run_again_gives_the_same_files(place, killed):
    place.on("pod", f"rm -rf /workspace/dgops/outputs/{SLUG}")
    subprocess.run(["rm", "-rf", place.root / "home"], check=True, timeout=30)
    running = start(place)
    KILLS[killed](place, running)
    running.communicate(timeout=90)
    over(place)
    assert digests(place.root / "home") != digests(place.root / "here"), "it was killed too late"
    done = run(place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert digests(place.root / "home") == digests(place.root / "here")


def kill_controller(place, running):
    once(place, f"test -e /workspace/dgops/outputs/{SLUG}/01_scrape/manifest.json")
    running.kill()


def kill_agent(place, running):
    once(place, f"test -e /workspace/dgops/outputs/{SLUG}/02_crop/manifest.json")
    status = json.loads(place.on("pod", f"cat {job_folder(place)}/status.json"))
    place.on("pod", f"kill -9 {status['supervisor']['pid']}")


def kill_stage(place, running):
    """Everything of the pipeline dies in the middle of 03."""
    once(place, f"ls -d /workspace/dgops/outputs/{SLUG}/*03_validate*")
    place.on("pod", "pkill -9 -u seanf -f 'dgops run [d]ataset'")


def kill_pull(place, running):
    """The controller dies when the first files are home, and not all of them."""
    home = place.root / "home"
    until = time.monotonic() + 60
    while not any(path.is_file() for path in home.rglob("*")):
        assert time.monotonic() < until
        time.sleep(0.001)
    running.send_signal(signal.SIGKILL)


def kill_container(place, running):
    once(place, f"test -e /workspace/dgops/outputs/{SLUG}/03_validate/manifest.json")
    hosts.stop("pod", place.settings)
    hosts.start("pod", place.settings)
    done = place.dgops("deploy", "--host", "pod")
    assert done.returncode == 0, done.stdout + done.stderr


KILLS = {
    "controller": kill_controller,
    "agent": kill_agent,
    "stage": kill_stage,
    "pull": kill_pull,
    "container": kill_container,
}
