"""dgops deploy: progress on stderr, the recap on stdout, the first failure where it is seen."""

import click
import pytest
from click.testing import CliRunner

from dgops.cli.deploy_lines import Progress
from dgops.deploy.events import Failure, RoleRun
from dgops.deploy.plan import Plan, Step
from dgops.deploy.result import HostResult


@pytest.fixture
def show():
    def run(body):
        done = CliRunner().invoke(click.Command("x", callback=body))
        assert done.exception is None, done.exception
        return done

    return run


def test_progress_goes_to_stderr_and_the_recap_to_stdout(show):
    def body():
        progress = Progress(3, check=False, quiet=False)
        progress.role_over("pod", RoleRun("base", 0.0, 2.5, changed=3))
        progress.over(HostResult("pod", "changed", 4.0, 3, (RoleRun("base", 0.0, 2.5),), notices=("add this key",)))

    done = show(body)
    assert "base            3 changed" in done.stderr
    assert done.stderr.rstrip().endswith("2.5 s")
    assert "ready           1 role run, 3 changed" in done.stdout
    assert "add this key" in done.stdout


def test_a_failure_is_shown_with_its_hint_and_steers_no_terminal(show):
    def body():
        failure = Failure("base", "Install", "E: no\x1b[2J", "look there")
        Progress(3, check=False, quiet=False).over(HostResult("pod", "failed", 1.0, failure=failure))

    done = show(body)
    assert "failed   base: Install" in done.stderr
    assert "E: no?[2J" in done.stderr
    assert "hint     look there" in done.stderr


def test_check_speaks_of_what_would_be(show):
    def body():
        progress = Progress(3, check=True, quiet=False)
        progress.role_over("pod", RoleRun("base", 0.0, 1.0, changed=1))
        progress.over(HostResult("pod", "changed", 1.0, 1))
        progress.over(HostResult("pod2", "unchanged", 1.0))

    done = show(body)
    assert "1 would change" in done.stderr
    assert "differs" in done.stdout
    assert "unchanged" in done.stdout


def test_quiet_says_nothing(show):
    def body():
        progress = Progress(3, check=False, quiet=True)
        progress.role_over("pod", RoleRun("base", 0.0, 1.0))
        progress.over(HostResult("pod", "unchanged", 1.0))

    assert show(body).output == ""


def test_a_failure_names_its_host_and_shows_all_only_when_asked(show):
    failure = Failure("base", "Install", "E: no", "look there", detail="line one\nline two")

    def body(verbose):
        Progress(3, check=False, quiet=False, verbose=verbose).over(HostResult("pod", "failed", 1.0, failure=failure))

    assert "pod  failed   base: Install" in show(lambda: body(False)).stderr
    assert "line two" not in show(lambda: body(False)).stderr
    assert "output   line two" in show(lambda: body(True)).stderr


def test_what_goes_on_below_is_said_only_when_asked(show):
    def body(verbose):
        Progress(3, check=False, quiet=False, verbose=verbose).said("pod  ok  user: Make\x1b[2J")

    assert show(lambda: body(False)).stderr == ""
    assert show(lambda: body(True)).stderr == "pod  ok  user: Make?[2J\n"


def test_a_plan_says_what_holds_and_why_the_rest_runs(show):
    plan = Plan((Step("base"), Step("user", ("check failed: mode 0644, want 0440", "input changed: user__uid"))))
    lines = show(lambda: Progress(3, check=True, quiet=False).planned("pod", plan, 0.4)).stderr.splitlines()
    assert lines[0].startswith("pod  looked          1 of 2 roles hold")
    assert lines[1].split(maxsplit=1) == ["user", "check failed: mode 0644, want 0440"]
    assert lines[2].strip() == "input changed: user__uid"


def test_a_reason_that_all_share_is_said_once(show):
    plan = Plan((Step("base", ("never deployed from here",)), Step("user", ("never deployed from here",))))
    done = show(lambda: Progress(3, check=False, quiet=False).planned("pod", plan, 0.4))
    assert len(done.stderr.splitlines()) == 1
    assert "2 roles to run: never deployed from here" in done.stderr


def test_a_look_that_found_nothing_to_do(show):
    result = HostResult("pod", "unchanged", 0.6, plan=Plan((Step("base"), Step("user"))))
    done = show(lambda: Progress(3, check=False, quiet=False).over(result))
    assert "unchanged       2 roles hold" in done.stdout


def test_a_look_names_the_tasks_that_would_change_something(show):
    run = RoleRun("user", 0.0, 1.0, changed=1, tasks=["Let the user do\x1b everything"])
    done = show(lambda: Progress(3, check=True, quiet=False).role_over("pod", run))
    assert done.stderr.splitlines()[1].strip() == "Let the user do? everything"
