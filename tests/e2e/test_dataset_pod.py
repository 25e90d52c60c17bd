"""The dataset pipeline on a pod: the same files as here, whatever was killed on the way."""

import hashlib
import json
import shutil
import signal
import time

import pytest

from dgops.sandbox import faults, hosts

pytestmark = pytest.mark.e2e
SLUG = "amira"
OUTPUTS = "/workspace/dgops/outputs"
OPTIONS = ("--slug", SLUG, "--source", "photos", "--trigger", "amiranoor", "--crop", "subject")
COUNT = 12
# The pipeline's processes there; no shell that looks for it is meant.
PIPELINE = '"run [d]ataset --slug"'


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


def once(place, condition, then="true", patience=60):
    """Do something on the pod as soon as a shell condition holds there, without a round trip in between."""
    place.on("pod", f"timeout {patience} sh -c 'until {condition}; do sleep 0.01; done' && {then}")


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
    before = place.on("pod", f"find {OUTPUTS}/{SLUG} -type f -printf '%p %T@\\n' | sort")
    done = run(place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{COUNT + 1} already there" in done.stderr
    assert done.stderr.count(" held\n") == 7
    assert place.on("pod", f"find {OUTPUTS}/{SLUG} -type f -printf '%p %T@\\n' | sort") == before


def test_a_host_with_trainers_gets_the_set(place):
    """Its inventory names them: shipped once, again for nothing, and never over somebody else's files."""
    folders = {"publish_targets": {"windows": "/home/seanf/win", "linux": "/home/seanf/lin"}}
    variables = place.root / "inventories/sandbox/host_vars/pod.yml"
    variables.parent.mkdir(exist_ok=True)
    variables.write_text(json.dumps({**folders, "dataset_warehouse": "/home/seanf/ware"}))
    try:
        missing = run(place)
        assert missing.returncode == 1
        assert "/[HOME]/ware: no such folder" in missing.stderr
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


def test_killed_again_and_again_and_continued_gives_the_same_files(place):
    """Each kill meets what the one before it left; the last run goes to its end."""
    place.on("pod", f"rm -rf {OUTPUTS}/{SLUG}")
    shutil.rmtree(place.root / "home")
    for kill, redone in KILLS:
        # What the last one left of the pipeline would make stages that are taken for the next one's.
        once(place, f"! pgrep -u seanf -f {PIPELINE} >/dev/null")
        place.on("pod", f"rm -rf {OUTPUTS}/{SLUG}/{redone}_* {OUTPUTS}/{SLUG}/.0*")
        running = start(place)
        kill(place, running)
        running.communicate(timeout=90)
        over(place)
        assert digests(place.root / "home") != digests(place.root / "here"), f"{kill.__name__} came too late"
    done = run(place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert digests(place.root / "home") == digests(place.root / "here")


def making(stage):
    """Return the shell condition that a stage is being made, or has just been: some take a few milliseconds."""
    return f"ls -d {OUTPUTS}/{SLUG}/.{stage}* {OUTPUTS}/{SLUG}/{stage}* 2>/dev/null | grep -q ."


def kill_agent(place, running):
    newest = "max(glob.glob('/workspace/dgops/jobs/*/status.json'), key=os.path.getmtime)"
    program = f"import glob, json, os; print(json.load(open({newest}))['supervisor']['pid'])"
    once(place, making("02_crop"), f'kill -9 $(python3 -c "{program}")')


def kill_stage(place, running):
    """Everything of the pipeline dies in the middle of 03."""
    once(place, making("03_validate"), f"pkill -9 -u seanf -f {PIPELINE}")


def kill_controller(place, running):
    once(place, making("04_"))
    running.kill()


def kill_pull(place, running):
    """The controller dies when the first files are home, and not all of them."""
    home = place.root / "home"
    until = time.monotonic() + 60
    while not any(path.is_file() for path in home.rglob("*")):
        assert time.monotonic() < until
        time.sleep(0.001)
    running.send_signal(signal.SIGKILL)


def kill_container(place, running):
    """The pod dies and is started: its job is lost, it takes no other, and a deploy makes it ready again."""
    once(place, making("02_crop"))
    faults.kill("pod", place.settings)
    down = place.dgops("jobs", "list")
    assert (down.returncode, down.stdout) == (3, "")
    hosts.start("pod", place.settings)
    code, listed = place.json("jobs", "list")
    assert (code, listed[0]["status"]) == (0, "lost")
    assert "the host restarted" in place.dgops("jobs", "show", listed[0]["id"]).stdout
    fresh = place.dgops("run", "--host", "pod", "--", "true")
    assert fresh.returncode == 1
    assert "hint: dgops deploy --host pod" in fresh.stderr
    done = place.dgops("deploy", "--host", "pod")
    assert done.returncode == 0, done.stdout + done.stderr


# Each with the stages that are made again for it.
KILLS = (
    (kill_agent, "0[2-7]"),
    (kill_stage, "0[3-7]"),
    (kill_container, "0[2-7]"),
    (kill_controller, "0[4-7]"),
    (kill_pull, "none"),
)
