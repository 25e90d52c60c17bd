"""A lost job that goes on, with the real agent on this machine: in its folder, by its command, with its secrets."""

import json
import os
import signal
from pathlib import Path

import pytest

from dgops.errors import DgopsError
from dgops.jobs import ready, resume, submit
from dgops.jobs.follow import follow
from dgops.jobs.job import Request
from dgops.jobs.place import Place, show

TOKEN = "aTokenThatIsLongEnough"


@pytest.fixture
def lost(look_away, here, settings, base, heard, link, monkeypatch):
    """Return `lost(secrets)`: a job whose supervisor was killed while it ran."""
    monkeypatch.setattr(resume, "require_ready", lambda link: ready.Ready(ready.deployed(here, settings), {}))
    begun = Path(base).parent / "begun"

    def make(**secrets):
        argv = ("sh", "-c", f"echo first >>log; touch {begun}; exec sleep 600")
        again = ("sh", "-c", "echo again $T >>log; cat log")
        job = submit.submit(here, settings, Request("script", "w", argv, secrets=secrets, resume=again), heard)
        while not begun.exists():
            assert not show(link, Place(here, base, job.id))[0].over
        status = json.loads((Path(base) / "jobs" / job.id / "status.json").read_text())
        os.kill(status["supervisor"]["pid"], signal.SIGKILL)
        place = Place(here, base, job.id)
        while show(link, place)[0].status == "running":
            pass
        assert show(link, place)[0].status == "lost"
        return place

    return make


def test_it_goes_on_in_its_folder_by_its_own_command(lost, link, base, heard):
    place = lost()
    assert resume.resume(link, place, {}).id == place.id
    ended = follow(link, base, place.id, heard)
    assert (ended.status, ended.attempt) == ("succeeded", 2)
    assert heard.texts["stdout"].split() == ["first", "again"]
    assert len(list((Path(base) / "jobs").iterdir())) == 1


def test_secrets_are_given_anew_and_stay_out_of_its_folder(lost, link, base, heard):
    place = lost(T=TOKEN)
    resume.resume(link, place, {"T": TOKEN, "OTHER": "not asked for"})
    assert follow(link, base, place.id, heard).status == "succeeded"
    assert TOKEN not in heard.texts["stdout"]
    assert heard.texts["stdout"].split()[1:2] == ["again"]
    # Its own work folder is the command's: what it writes there is not ours.
    for path in (Path(base) / "jobs" / place.id).iterdir():
        assert not path.is_file() or TOKEN not in path.read_text(errors="replace")


def test_without_its_secrets_it_does_not_go_on(lost, link):
    place = lost(T=TOKEN)
    with pytest.raises(DgopsError, match=f"job {place.id} needs T to go on") as caught:
        resume.resume(link, place, {"OTHER": "x"})
    assert caught.value.hint.startswith("dgops secrets set T")
    assert show(link, place)[0].status == "lost"


def test_one_that_is_over_is_run_anew_and_not_resumed(lost, link, base, heard):
    place = lost()
    resume.resume(link, place, {})
    follow(link, base, place.id, heard)
    with pytest.raises(DgopsError, match=r"^here: job .* is over: succeeded"):
        resume.resume(link, place, {})
