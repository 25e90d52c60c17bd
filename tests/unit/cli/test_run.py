"""dgops run: words into one request; every mistake told before a host is asked."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dgops.cli import following
from dgops.cli.following import Ended
from dgops.cli.main import cli
from dgops.errors import ConfigError, DgopsError, UsageError
from dgops.hosts import secrets
from dgops.hosts.host import Host
from dgops.jobs.gpus import Gpus
from dgops.jobs.job import Stall


@pytest.fixture
def asked(monkeypatch):
    """Return what would be run: the hosts are not asked here."""
    found = []

    def run_job(ctx, host, request, options):
        found.append((host.name, request, options))
        return Ended(0, None)

    monkeypatch.setattr(following, "run_job", run_job)
    monkeypatch.setattr(following, "one_host", lambda settings, pattern: Host(pattern, "fake"))
    monkeypatch.setattr(secrets, "load", lambda names: {name: f"value of {name}" for name in names})
    return found


def run(*words):
    done = CliRunner().invoke(cli, ["run", *words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_a_command(asked, tmp_path):
    Path("train.py").write_text("")
    words = ("--input", "./train.py", "--input", "/etc", "--output", "results/", "--env", "A=b=c", "--env", "HF_TOKEN")
    done = run("--host", "pod", *words, "--gpus", "id:0,2", "--", "python", "train.py", "--host", "x", "--", "-y")
    assert done.exit_code == 0, done.output
    host, request, options = asked[0]
    assert (host, request.kind, request.label) == ("pod", "command", "python train.py --host x -- -y")
    assert request.argv == ("python", "train.py", "--host", "x", "--", "-y")
    assert [(one.path, str(one.local)) for one in request.inputs] == [
        ("train.py", f"{tmp_path}/train.py"),
        ("etc", "/etc"),
    ]
    assert [(one.path, one.local) for one in request.outputs] == [("results", tmp_path / "results")]
    assert (request.env, request.secrets) == ({"A": "b=c"}, {"HF_TOKEN": "value of HF_TOKEN"})
    assert request.gpus == Gpus(ids=(0, 2))
    assert (options.detach, options.as_json) == (False, False)


def test_a_recipe_and_what_is_added_to_it(asked, tmp_path):
    folder = tmp_path / "recipes"
    folder.mkdir()
    text = "kind: script\ncommand: [a]\ninputs: [i]\noutputs: [o]\nenv: {A: 1, B: 2}\nsecrets: [S]\ngpus: 2\nresume: r"
    text += "\npriority: 7\nstall: stop"
    (folder / "r.yml").write_text(text)
    added = ("--output", "more", "--env", "B=3", "--gpus", "1", "--retries", "2")
    done = run("recipes/r.yml", "--host", "pod", *added, "--detach", "--json")
    assert done.exit_code == 0, done.output
    _, request, options = asked[0]
    assert (request.kind, request.label, request.argv, request.resume) == ("script", "r", ("a",), ("sh", "-c", "r"))
    assert [one.local for one in request.outputs] == [folder / "o", tmp_path / "more"]
    assert [one.local for one in request.inputs] == [folder / "i"]
    assert (request.env, request.secrets) == ({"A": "1", "B": "3"}, {"S": "value of S"})
    assert request.gpus == Gpus(1)
    assert (request.retries, request.priority, request.stall) == (2, 7, Stall(stop=True))
    assert (options.detach, options.as_json) == (True, True)


def test_the_hosts_own_secrets_go_along_unless_set_plainly(asked, monkeypatch):
    monkeypatch.setattr(secrets, "wanted", lambda host: ("HF_TOKEN", "OTHER"))
    run("--host", "pod", "--env", "OTHER=plain", "--", "x")
    assert (asked[0][1].env, asked[0][1].secrets) == ({"OTHER": "plain"}, {"HF_TOKEN": "value of HF_TOKEN"})


def test_a_name_alone_is_plain_where_it_can_be_no_secret(asked, monkeypatch):
    monkeypatch.setenv("DEBUG", "1")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    run("--host", "pod", "--env", "DEBUG", "--env", "LANG", "--", "x")
    assert (asked[0][1].env, asked[0][1].secrets) == ({"DEBUG": "1", "LANG": "de_DE.UTF-8"}, {})


def test_a_windows_path_is_translated(asked):
    run("--host", "pod", "--input", "C:\\Users\\x\\photos", "--", "x")
    assert str(asked[0][1].inputs[0].local) == "/mnt/c/Users/x/photos"
    with pytest.raises(UsageError, match="lost its backslashes"):
        run("--host", "pod", "--input", "C:Usersxphotos", "--", "x")


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ([], "nothing to run", "-- COMMAND"),
        (["--host", "pod"], "nothing to run", "RECIPE.yml"),
        (["--host", "pod", "--"], "nothing to run", ""),
        (["--host", "pod", "--", ""], "nothing to run", ""),
        (["--", "ls"], "on which host", "dgops hosts list"),
        (["--host", "pod", "ls"], "'ls' is no recipe", "dgops run --host HOST -- ls"),
        (["--host", "pod", "ls", "-la"], "No such option", "behind --"),
        (["--host", "pod", "--outptu", "x", "--", "ls"], "No such option", ""),
        (["--host", "pod", "--env", "1=2", "--", "x"], "'1' is no name", "NAME=VALUE"),
        (["--host", "pod", "--gpus", "0,2", "--", "x"], "did you mean id:0,2", ""),
        (["--host", "pod", "--output", "/abs", "--", "x"], "is absolute", ""),
        (["--host", "pod", "--output", "..", "--", "x"], "leads out", ""),
        (["--host", "pod", "--input", "", "--", "x"], "empty path", ""),
        (["--host", "pod", "--retries", "-1", "--", "x"], "not in the range", ""),
        (["no.yml", "--host", "pod"], "No such file", "a recipe:"),
    ],
)
def test_mistakes(asked, words, message, hint):
    done = CliRunner().invoke(cli, ["run", *words])
    error = done.exception
    if isinstance(error, DgopsError):
        assert isinstance(error, (UsageError, ConfigError))
        assert message in error.message
        assert hint in error.hint
    else:
        assert done.exit_code == 2
        assert message in done.stderr
    assert asked == []


def test_a_recipe_and_a_command_are_one_too_many(asked):
    Path("r.yml").write_text("kind: script\ncommand: a")
    with pytest.raises(UsageError, match="and so does 'ls -l'"):
        run("r.yml", "--host", "pod", "--", "ls", "-l")


def test_help_shows_the_job_form_and_names_the_pipelines():
    text = run("--help").stdout
    assert "Usage: cli run [OPTIONS] [RECIPE] [-- COMMAND...]" in text
    assert "--output PATH" in text
    assert "dgops run dataset --help" in text


def test_several_hosts_are_one_too_many(settings_with):
    with pytest.raises(UsageError, match="all names 2: one, two") as caught:
        following.one_host(settings_with, "all")
    assert caught.value.hint == "--host one"


@pytest.fixture
def settings_with(tmp_path):
    from dgops import settings as settings_room

    path = tmp_path / "inventories/local/hosts.yml"
    path.parent.mkdir(parents=True)
    path.write_text("all: {hosts: {one: {ansible_connection: fake}, two: {ansible_connection: fake}}}")
    return settings_room.load(options={"inventory": [str(path.parent)]})


def test_a_host_has_no_more_than_click_to_import():
    program = (
        "import sys, dgops.cli.run\n"
        "heavy = {'yaml', 'fabric', 'paramiko', 'ansible', 'keyring', 'numpy', 'dgops.transport', 'dgops.hosts'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
