"""A bundle as it lies here: a ZIP that tells the story, cleaned of what this machine knows to be secret."""

import json
import zipfile

import pytest

from dgops.errors import DgopsError, RemoteError
from dgops.hosts import secrets
from dgops.hosts.host import Host
from dgops.jobs import bundle
from dgops.jobs.follow import follow
from dgops.jobs.job import Job, Request
from dgops.jobs.place import Place
from dgops.jobs.submit import submit

VIEW = {"id": "0123abcd", "status": "failed", "first_failure": "it broke"}


@pytest.fixture
def unpacked(tmp_path):
    def read(made):
        with zipfile.ZipFile(made.path) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name) for name in archive.namelist()}

    return read


def test_a_job_that_failed(look_away, here, settings, base, link, heard, tmp_path, unpacked):
    script = "echo begun; echo '{\"loss\": 1}' > $DGOPS_JOB_DIR/samples/s.json; echo 'ValueError: no' >&2; exit 3"
    job = submit(here, settings, Request("command", "a label", ("sh", "-c", script)), heard)
    follow(link, base, job.id, heard)
    made = bundle.write(link, Place(here, base, job.id), tmp_path)
    assert made.path.name == f"dgops-job-{job.id}.zip"
    found = unpacked(made)
    assert tuple(found) == made.names
    assert set(found) == {
        "README.md",
        "metadata.json",
        "environment.json",
        "events.jsonl",
        "stdout.log",
        "stderr.log",
        "samples/s.json",
    }
    assert f"# Job {job.id} on here: failed\n\nFirst error: `ValueError: no`" in found["README.md"].decode()
    assert found["stdout.log"] == b"begun\n"
    metadata = json.loads(found["metadata.json"])
    assert metadata["job"]["exit_code"] == 3
    assert metadata["asked"]["label"] == "a label"
    assert json.loads(found["environment.json"])["host"]["cpus"] >= 1


class Liar:
    """A host that sends what it likes."""

    host = Host("pod")

    def __init__(self, files, data=b"", spec=None):
        self.answer = {"job": VIEW, "spec": spec, "machine": {}, "left_out": [], "files": files}
        self.data = data

    def exchange(self, command, request, payload=b"", *, timeout=0.0):
        assert command == "bundle"
        return self.answer, self.data


def test_what_is_secret_here_is_taken_out_again(tmp_path, unpacked, monkeypatch):
    def load(names):
        if names != ["MY_WORD"]:
            raise DgopsError("no such secret")
        return {"MY_WORD": "xyzzy plugh"}

    monkeypatch.setattr(secrets, "load", load)
    data = b"it says xyzzy plugh\n"
    link = Liar([{"name": "stdout.log", "size": len(data)}], data, {"secrets": ["MY_WORD", "OTHER"], "argv": "x"})
    found = unpacked(bundle.write(link, Place(link.host, "/base", "0123abcd"), tmp_path))
    assert found["stdout.log"] == b"it says ***REDACTED***\n"


@pytest.mark.parametrize(
    ("files", "data"),
    [
        ([{"name": "../up", "size": 1}], b"x"),
        ([{"name": "/abs", "size": 1}], b"x"),
        ([{"name": ".git/hooks/x", "size": 1}], b"x"),
        ([{"name": "a", "size": 2}], b"x"),
        ([{"name": "a", "size": -1}], b""),
        ([{"name": "a"}], b""),
        (["rubbish"], b""),
        ([{"name": f"{n}", "size": 0} for n in range(bundle.MOST_FILES + 1)], b""),
    ],
)
def test_something_else_is_no_bundle(files, data, tmp_path):
    link = Liar(files, data)
    with pytest.raises(RemoteError, match="something else than a bundle"):
        bundle.write(link, Place(link.host, "/base", "0123abcd"), tmp_path)
    assert not list(tmp_path.glob("*.zip"))


@pytest.mark.parametrize(
    ("status", "failure", "reason", "words"),
    [
        ("failed", "it broke", "exit 3", "it broke"),
        ("failed", None, "it could not be started", "it could not be started"),
        ("lost", None, "the host restarted", "the host restarted"),
        ("running", None, "stalled: nothing was written", ""),
        ("succeeded", None, None, ""),
    ],
)
def test_the_first_error(status, failure, reason, words):
    job = Job("0123abcd", "pod", "command", "x", status, first_failure=failure, reason=reason)
    assert bundle.first_error(job) == words
