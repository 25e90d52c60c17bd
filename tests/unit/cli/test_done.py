"""dgops done: the table, the JSON, the exit code."""

import json

import pytest
from click.testing import CliRunner

from dgops import settings
from dgops.cli.done import done
from dgops.flows import done as flow
from dgops.flows.done import Item

EDITED = Item("unsynced", "pod", "api: 1 edited on host", "dgops sync --host pod")
AWAY = Item("unseen", "pod", "pod does not answer", "is it up?", away=True)


@pytest.fixture
def invoke(monkeypatch):
    def run(*argv, items=()):
        monkeypatch.setattr(flow, "look", lambda *_: tuple(items))
        monkeypatch.setattr(flow, "fix", lambda *_: pytest.fail("nobody asked for it"))
        return CliRunner().invoke(done, argv, obj=settings.load())

    return run


@pytest.mark.parametrize(("items", "code"), [((), 0), ((EDITED,), 1), ((AWAY,), 3), ((AWAY, EDITED), 1)])
def test_exit_codes(invoke, items, code):
    assert invoke(items=items).exit_code == code
    found = json.loads(invoke("--json", items=items).stdout)
    assert (found["ok"], len(found["items"])) == (not items, len(items))


def test_each_thing_is_a_line_with_its_next_step(invoke):
    odd = Item("uncommitted", "here", "1 file: a\nb\x1b[31m", "git commit")
    lines = invoke(items=(EDITED, odd)).stdout.splitlines()
    assert lines[0].split() == ["WHERE", "STATE", "WHAT", "NEXT"]
    assert lines[1].split("  ")[-1] == "dgops sync --host pod"
    assert len(lines) == 3
    assert "a?b?[31m" in lines[2]


def test_nothing_left(invoke):
    assert invoke().stdout == "done  all is committed, pushed, synced and home, and nothing runs\n"
