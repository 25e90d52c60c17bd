"""dgops health: the table, the failing checks beneath, the JSON, the exit code."""

import pytest
from click.testing import CliRunner

from dgops.cli import health as command
from dgops.errors import UnreachableError, UsageError
from dgops.health.check import Check, CheckResult, Outcome
from dgops.health.look import REACH, HostHealth

CHECK = Check("git_ssh", "github.com accepts the key", "live", "git_auth", {}, mend="add this key")
GIGA = 1024**3
LIVE = {"gpu": {"gpus": [{"name": "NVIDIA GeForce RTX 4090", "total": 24 * GIGA, "free": 22.8 * GIGA}]}}
FACTS = {"disk": {"path": "/workspace", "type": "mfs", "total": 100, "free": 39}, "live": LIVE}


def host(name, outcome, observed="yes", **more):
    return HostHealth(name, outcome, 0.5, (CheckResult(CHECK, outcome, "accepted", observed),), **more)


@pytest.fixture
def show(monkeypatch):
    def run(*found, **options):
        def body():
            command._show(list(found), options.get("all", False), options.get("form", "text"), False)

        import click

        return CliRunner().invoke(click.Command("x", callback=body)).output

    return run


def test_one_line_where_one_is_enough(show):
    text = show(host("pod", Outcome.PASS, facts=FACTS))
    assert len(text.splitlines()) == 2
    assert "RTX 4090  1.2 of 24 GB" in text
    assert "/workspace 61 % mfs" in text


def test_the_reason_and_the_next_step_beneath(show):
    text = show(host("pod", Outcome.FAIL, "Permission denied\x1b[2J"))
    assert "  fail  git_ssh: github.com accepts the key" in text
    assert "observed  Permission denied?[2J" in text
    assert "mend      add this key" in text


def test_all_lists_what_passes_too(show):
    assert "pass  git_ssh" in show(host("pod", Outcome.PASS), all=True)


def test_an_unreachable_host_shows_its_hint(show):
    lost = CheckResult(REACH, Outcome.ERROR, "an answer", "no answer", "start it")
    text = show(HostHealth("pod", Outcome.ERROR, 0.5, (lost,), error=UnreachableError("no answer", "start it")))
    assert text.splitlines()[1:] == [
        "pod   error  0/1     -    -     -      -",
        "  error  contract: the host can be looked at",
        "        observed  no answer",
        "        mend      start it",
    ]


def test_state_that_does_not_hold_is_mended_by_a_deploy(show):
    check = Check("user", "keys let in", "state", "file", {})
    text = show(HostHealth("pod", Outcome.FAIL, 0.5, (CheckResult(check, Outcome.FAIL, "mode 0600", "mode 0644"),)))
    assert text.splitlines()[2:] == [
        "  fail  user: keys let in",
        "        expected  mode 0600",
        "        observed  mode 0644",
        "        mend      dgops deploy --host pod",
    ]


def test_many_hosts_are_summed_up(show):
    text = show(host("pod", Outcome.PASS), host("gadget", Outcome.FAIL), host("gizmo", Outcome.PASS))
    assert text.splitlines()[-1] == "3 hosts: 2 healthy, 1 not healthy"


def test_reports_steer_no_terminal_either(show):
    for form, begin in (("junit", "<?xml"), ("prometheus", "# HELP")):
        text = show(host("pod", Outcome.FAIL, "\x1b[2J\u202e"), form=form)
        assert text.startswith(begin)
        assert not {"\x1b", "\u202e"} & set(text)


@pytest.mark.parametrize(
    ("asked", "form"),
    [((None, False, False), "text"), ((None, True, True), "json"), (("json", True, False), "json"),
     (("junit", False, False), "junit"), (("text", False, True), "text")],
)  # fmt: skip
def test_one_form(asked, form):
    assert command._form(*asked) == form


@pytest.mark.parametrize("asked", [("junit", True, False), ("text", True, False), ("prometheus", False, True)])
def test_two_forms_and_a_watched_report_are_usage_errors(asked):
    with pytest.raises(UsageError):
        command._form(*asked)


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [(["pass"], 0), (["pass", "skip"], 0), (["error"], 3), (["pass", "error"], 3), (["error", "fail"], 1)],
)
def test_exit_codes(outcomes, code):
    assert command._exit_code([host("h", Outcome(one)) for one in outcomes]) == code
