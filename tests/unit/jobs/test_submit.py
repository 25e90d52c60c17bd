"""Submitting to the real agent: what is wrong here is told before the host is asked, and secrets stay out of sight."""

import json
from pathlib import Path

import pytest

from dgops.errors import ConfigError, DgopsError, UnreachableError, UsageError
from dgops.hosts.host import Host
from dgops.jobs import memory, submit
from dgops.jobs.follow import follow
from dgops.jobs.gpus import Gpus
from dgops.jobs.job import Input, Output, Request
from dgops.jobs.link import Link

TOKEN = "hf_aTokenThatIsLongEnough"
NOWHERE = Host("nowhere", "ssh", address="192.0.2.1")


def ask(*argv, **more):
    return Request("command", "a label", argv, **more)


def test_one_job_from_end_to_end(look_away, here, settings, base, heard, tmp_path):
    (tmp_path / "in.txt").write_text("word")
    outputs = (Output("out", tmp_path / "out"),)
    request = ask(
        "sh",
        "-c",
        "cat in.txt; echo $A $T >&2; mkdir out",
        inputs=(Input(tmp_path / "in.txt", "in.txt"),),
        outputs=outputs,
        env={"A": "b"},
        secrets={"T": TOKEN},
    )
    job = submit.submit(here, settings, request, heard)
    with Link(here, settings) as link:
        ended = follow(link, base, job.id, heard)
    assert (ended.status, heard.texts["stdout"].strip()) == ("succeeded", "word"), ended
    assert heard.texts["stderr"].startswith("b ")
    assert heard.job.id == heard.spec["id"] == job.id
    assert heard.moved.files == 1
    assert memory.recall(settings.state, job.id[:4]).outputs == outputs
    kept = (Path(base) / "jobs" / job.id / "spec.json").read_text()
    assert json.loads(kept)["secrets"] == ["T"]
    assert TOKEN not in kept + (settings.state / "jobs" / f"{job.id}.json").read_text()


def test_a_refusal_is_forgotten(look_away, here, settings, heard):
    with pytest.raises(DgopsError, match=r"^here: "):
        submit.submit(here, settings, ask("", env={"1": "x"}), heard)
    assert heard.job is None
    assert list((settings.state / "jobs").iterdir()) == []


def test_a_host_that_was_never_deployed(settings, heard):
    with pytest.raises(DgopsError) as caught:
        submit.submit(Host("new", "local"), settings, ask("true"), heard)
    assert caught.value.hint == "dgops deploy --host new"


def test_a_host_that_is_not_as_it_should_be(here, settings, heard):
    with pytest.raises(DgopsError) as caught:
        submit.submit(here, settings, ask("true"), heard)
    assert "here is not as its contract says" in caught.value.message
    assert "carries this controller's contract" in caught.value.message


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (ask("x", inputs=(Input(Path("nowhere"), "nowhere"),)), UsageError),
        (ask("x", outputs=(Output("../up", Path("up")),)), UsageError),
        (ask("curl", f"Bearer {TOKEN}", secrets={"T": TOKEN}), UsageError),
        (ask("x", env={"A": TOKEN}, secrets={"T": TOKEN}), UsageError),
        (ask("x", "--token", "hf_" + "Ab3" * 12), UsageError),
        (ask("x", env={"A": "ghp_" + "Ab3" * 12}), UsageError),
    ],
)
def test_mistakes_here_ask_no_host(settings, heard, request_, error):
    with pytest.raises(error) as caught:
        submit.submit(NOWHERE, settings, request_, heard)
    assert TOKEN not in caught.value.message + caught.value.hint


def test_a_link_out_of_an_input_asks_no_host(settings, heard, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/x").symlink_to("/etc/passwd")
    with pytest.raises(ConfigError, match="leads out"):
        submit.submit(NOWHERE, settings, ask("x", inputs=(Input(tmp_path / "in", "in"),)), heard)


def test_an_answer_that_never_comes_says_how_to_find_out(look_away, here, settings, heard, monkeypatch):
    def gone(link, command, request, *, timeout=60.0):
        raise UnreachableError("here: the connection was lost")

    monkeypatch.setattr(Link, "call", gone)
    with pytest.raises(UnreachableError, match="connection was lost") as caught:
        submit.submit(here, settings, ask("true"), heard)
    assert f"dgops jobs show {heard.spec['id']}" in caught.value.hint
    assert memory.recall(settings.state, heard.spec["id"]) is not None


def test_the_spec():
    found = submit.spec_of(ask("x", gpus=Gpus(ids=(0, 2)), resume=("y",), secrets={"B": "1", "A": "2"}), [], {})
    assert (found["gpus"], found["resume"], found["secrets"], found["cwd"]) == (
        {"ids": [0, 2]},
        ["y"],
        ["A", "B"],
        None,
    )
    assert (len(found["id"]), len(found["correlation"])) == (8, 32)


def test_an_output_that_could_not_come_home(settings, heard, tmp_path):
    (tmp_path / "file").write_text("")
    request = ask("true", outputs=(Output("out", tmp_path / "file/out"),))
    with pytest.raises(UsageError, match="file is no folder"):
        submit.submit(NOWHERE, settings, request, heard)


def test_how_venvs_were_found_is_kept_with_the_job(look_away, here, settings, base, heard):
    job = submit.submit(here, settings, ask("true", allow_drift=True), heard)
    wanted = {"/v": {"holds": False, "findings": ["x.py was added"], "count": 3}}
    assert "/v drifted: x.py was added and 2 more" in heard.messages
    for path in (Path(base) / "jobs" / job.id / "spec.json", settings.state / "jobs" / f"{job.id}.json"):
        assert json.loads(path.read_text())["attest"] == wanted


def test_a_variable_by_its_name_is_no_secret():
    submit._require_no_secret(ask("sh", "-c", 'export HF_TOKEN=$MY_TOKEN; curl -H "Authorization: Bearer $MY_TOKEN"'))
