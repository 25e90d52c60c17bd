"""dgops env: the verdict for a GPU and for a host, near matches, exit codes; locks by an index that is a folder."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from dgops.cli.main import cli
from dgops.environments import locking, locks
from dgops.errors import DgopsError, UsageError

GPU = [{"name": "NVIDIA GeForce RTX 5090", "driver": "580.65.06", "total": 1, "free": 1}]


def run(*words, **more):
    return CliRunner().invoke(cli, ["env", *words], catch_exceptions=True, **more)


def answering(observation, **variables):
    """Write an inventory with one host whose agent answers a probe so."""
    answer = json.dumps({"observations": [observation], "facts": {}, "marker": None})
    host = {"ansible_connection": "fake", "dgops_fake_answers": [{"argv": ["python3"], "stdout": answer}], **variables}
    host["dgops_fake_answers"].append({"argv": ["sh"], "stdout": answer})
    path = Path("inventories/local/hosts.yml")
    path.parent.mkdir(parents=True)
    Path("dgops.toml").touch()
    path.write_text(json.dumps({"all": {"hosts": {"pod": host, "other": {"ansible_connection": "fake"}}}}))


def test_one_line_for_each_profile_and_one_is_recommended():
    found = run("verdict", "--gpu", "RTX 5090", "--driver", "580.65.06")
    lines = found.stdout.splitlines()
    assert found.exit_code == 0
    assert [line.split()[0] for line in lines] == ["cu124", "cu128", "cu126", "cu130", "cu121", "cpu"]
    assert [line.split()[0] for line in lines if "recommended" in line] == ["cu128"]
    assert lines[0].split()[1] == "no"
    assert "no code for sm_120 (RTX 5090)" in lines[0]
    assert lines[0].endswith("]")
    assert "RTX 5090  sm_120  Blackwell  driver 580.65.06  production" in found.stderr


def test_nothing_works():
    found = run("verdict", "--gpu", "RTX 5090", "--driver", "550.54", "--json")
    value = json.loads(found.stdout)
    assert (found.exit_code, value["ok"], value["recommended"]) == (1, False, None)
    assert {one["ok"] for one in value["profiles"]} == {False}


def test_json_names_trainer_reason_and_source():
    found = run("verdict", "--gpu", "RTX 4090", "--driver", "550.54", "--trainer", "ai-toolkit", "--json")
    value = json.loads(found.stdout)
    assert (value["recommended"], value["trainer"], value["mode"]) == ("cu126", "ai-toolkit", "production")
    assert value["gpus"] == [{"name": "RTX 4090", "architecture": "sm_89", "driver": "550.54"}]
    assert all(set(one) == {"profile", "ok", "reason", "source"} for one in value["profiles"])


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("--gpu", "RTX 5099", "--driver", "580"), "RTX 5090"),
        (("--gpu", "RTX 5090", "--driver", "580", "--trainer", "musubi-tuner"), "musubi"),
        (("--gpu", "RTX 5090", "--driver", "new"), "nvidia-smi"),
        (("--gpu", "RTX 5090"), "--help"),
        (("--host", "pod", "--gpu", "RTX 5090", "--driver", "580"), "--help"),
        ((), "--help"),
    ],
)
def test_usage(words, hint):
    found = run("verdict", *words)
    assert isinstance(found.exception, UsageError)
    assert hint in found.exception.hint


def test_a_hosts_own_gpu():
    answering({"seen": {"gpus": GPU}})
    found = run("verdict", "--host", "pod", "--json")
    value = json.loads(found.stdout)
    assert (found.exit_code, value["host"], value["recommended"]) == (0, "pod", "cu128")


@pytest.mark.parametrize(
    ("observation", "said"),
    [
        ({"seen": {"gpus": [], "reason": "no nvidia-smi"}}, "no GPU was seen on pod: no nvidia-smi"),
        ({"error": "no\nanswer"}, "no GPU was seen on pod: no answer"),
        ({"seen": {"gpus": [{"name": "NVIDIA New", "driver": "600.1"}]}}, "pod: no GPU is known as 'NVIDIA New'"),
        ({"seen": {"gpus": [{"name": "RTX 3090", "driver": "\x1b[2J"}]}}, "pod: '\\x1b[2J' is no version"),
        ({"seen": {"gpus": 7}}, "answered the probe with something else"),
        (7, "answered the probe with something else"),
    ],
)
def test_a_host_without_a_gpu_that_is_known(observation, said):
    answering(observation)
    found = run("verdict", "--host", "pod")
    assert isinstance(found.exception, DgopsError)
    assert found.exception.exit_code == 1
    assert said in found.exception.message


def test_a_host_in_fast_test_mode_needs_no_gpu():
    answering({"seen": {"gpus": [], "reason": "no nvidia-smi"}}, dgops_mode="fast-test")
    found = run("verdict", "--host", "pod")
    assert found.exit_code == 0
    (line,) = (line for line in found.stdout.splitlines() if "recommended" in line)
    assert line.split()[:2] == ["cpu", "yes"]


def test_several_hosts_are_refused():
    answering({"seen": {"gpus": GPU}})
    found = run("verdict", "--host", "all")
    assert "one host at a time" in str(found.exception)


@pytest.fixture
def made(monkeypatch, tmp_path):
    """Locks that are made by nobody: what is shown of them is the matter here."""
    asked = []

    def lock(name, profile, index):
        asked.append((name, profile, index))
        lacks = ("torch==2.5.1+cu121",) if name == "musubi" else ()
        return locking.Locked(name, "cu121", tmp_path / f"{name}.txt", 12, lacks, "gone" if lacks else "")

    monkeypatch.setattr(locking, "lock", lock)
    return asked


def test_locks_and_what_one_lacks(made):
    found = run("lock", "caption", "musubi", "--profile", "cu121", "--index", "folder")
    assert made == [("caption", "cu121", "folder"), ("musubi", "cu121", "folder")]
    assert found.exit_code == 3
    assert found.stdout.splitlines() == [
        "caption       locked  12 packages, cu121",
        "musubi        incomplete  12 packages, cu121  lacks torch==2.5.1+cu121: gone",
    ]


def test_all_locks_as_json(made):
    found = run("lock", "--json")
    value = json.loads(found.stdout)
    assert [name for name, _, _ in made] == locks.names()
    assert value["ok"] is False
    assert value["locks"]["musubi"]["missing"] == ["torch==2.5.1+cu121"]
    assert run("lock", "caption", "--json").exit_code == 0


@pytest.mark.parametrize("words", [("lock", "captoin"), ("lock", "caption", "--profile", "cu211")])
def test_wrong_names_before_anything_is_made(made, words):
    found = run(*words)
    assert isinstance(found.exception, UsageError)
    assert "did you mean" in found.exception.hint
    assert made == []
