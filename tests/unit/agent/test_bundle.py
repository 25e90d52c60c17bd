"""A job's bundle: everything that tells its story, and nothing that nobody else should see."""

import json

import pytest

from dgops.agent import bundle

TOKEN = "hf_" + "aB3dE5gH7j" * 3


@pytest.fixture
def gathered(agent_host):
    def call(job):
        request = {"base": str(agent_host.base), "id": job}
        answer, rest = agent_host.exchange("bundle", request)
        content, at = {}, 0
        for row in answer.get("files", ()):
            content[row["name"]] = rest[at : at + row["size"]]
            at += row["size"]
        assert at == len(rest)
        return answer, content

    return call


SCRIPT = """
i=0; while [ $i -lt 1500 ]; do i=$((i+1)); echo line $i; done
cd $DGOPS_JOB_DIR/samples
echo "seen in /home/seanf/x with password=hunter22" > note.txt
printf 'PNG\\0\\1rest' > good.png
printf "PNG\\0\\1$HIDDEN" > bad.png
ln -s /etc/passwd link.txt
echo "RuntimeError: it broke in /home/seanf/train.py" >&2
exit 3
"""


def test_all_of_it_and_all_of_it_redacted(agent_host, gathered):
    argv = ["sh", "-c", SCRIPT, "--password", "hunter22"]
    env = {"HIDDEN": TOKEN, "DB_PASSWORD": "hunter22", "PLAIN": "/home/seanf/data"}
    job = agent_host.submit(*argv, env=env)
    agent_host.wait(job)
    answer, content = gathered(job)
    assert set(content) == {"events.jsonl", "stdout.log", "stderr.log", "samples/note.txt", "samples/good.png"}
    assert content["stdout.log"].splitlines()[0] == b"line 501"
    assert content["stdout.log"].count(b"\n") == bundle.LINES
    assert content["stderr.log"] == b"RuntimeError: it broke in /[HOME]/train.py\n"
    assert content["samples/note.txt"] == b"seen in /[HOME]/x with password=***\n"
    assert content["samples/good.png"] == b"PNG\0\1rest"
    left_out = {one["path"]: one["reason"] for one in answer["left_out"]}
    assert left_out == {
        "samples/bad.png": "it holds something that must not be seen, and is no text",
        "samples/link.txt": "a symbolic link",
    }
    events = [json.loads(line) for line in content["events.jsonl"].splitlines()]
    assert [one["event"] for one in events] == ["created", "started", "finished"]
    assert answer["job"]["first_failure"] == "RuntimeError: it broke in /[HOME]/train.py"
    assert answer["spec"]["env"] == ["DB_PASSWORD=***", "HIDDEN=hf_***REDACTED***", "PLAIN=/[HOME]/data"]
    assert {"os", "kernel", "python", "cpus", "memory", "disk", "gpus"} == set(answer["machine"])
    everything = json.dumps(answer).encode() + b"".join(content.values())
    for secret in (TOKEN.encode(), b"hunter22", b"seanf"):
        assert secret not in everything


def test_no_such_job(gathered):
    assert "there is no job" in gathered("00000000")[0]["refused"]


def test_samples_that_are_too_much_are_named(agent_host, gathered):
    job = agent_host.submit("sh", "-c", "cd $DGOPS_JOB_DIR/samples; for n in 1 2 3; do truncate -s 10M $n.png; done")
    agent_host.wait(job)
    answer, content = gathered(job)
    assert sorted(name for name in content if name.startswith("samples/"))[1:]
    (left,) = answer["left_out"]
    assert left["reason"] == "more than a bundle takes"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("/home/seanf/x:/root/y", "/[HOME]/x:/[HOME]/y"),
        ("(/home/seanf) '/root'", "(/[HOME]) '/[HOME]'"),
        ("/mnt/c/Users/Sean/x", "/[HOME]/x"),
        ("/workspace/home/x /rootfs /root-x /homework/a", "/workspace/home/x /rootfs /root-x /homework/a"),
    ],
)
def test_names_of_home_folders(text, clean):
    assert bundle.clean(text.encode()).decode() == clean


def test_names_are_cleaned_as_values_are():
    value = {"/home/seanf/.venv": [{"x": "password=hunter22"}, 1, None]}
    assert bundle.every(value) == {"/[HOME]/.venv": [{"x": "password=***"}, 1, None]}


def test_the_first_line_is_whole():
    assert bundle._whole_lines(b"alf\nwhole\n", 10) == b"whole\n"
    assert bundle._whole_lines(b"all\n", 10) == b"all\n"
