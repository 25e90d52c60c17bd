"""Secrets in a real run of Ansible on this machine: roles have them, and nothing else ever shows them."""

import contextlib
import hashlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import pytest

from dgops.deploy import ansible, handover
from dgops.hosts.host import Host

TOKEN = 'tok\'3n {{ braces }} "x" ÿ9'
KEY = "-----BEGIN X-----\nline-one-of-it\nline-two-of-it\n-----END X-----\n"
SECRETS = {"a": {"MY_TOKEN": TOKEN, "MY_KEY": KEY}, "b": {"MY_TOKEN": TOKEN}}
PIECES = [TOKEN, json.dumps(TOKEN)[1:-1], "braces }}", "line-one-of-it", "line-two-of-it"]
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Use them as a role should
      ansible.builtin.command:
        cmd: sh -c 'cat >/dev/null; touch {here}/waiting-{{{{ inventory_hostname }}}}; for i in $(seq 100); do
          test -e {here}/go && exit 0; sleep 0.1; done; exit 1'
        stdin: "{{{{ dgops_secret.MY_TOKEN }}}}"
      no_log: true
    - name: Measure them
      ansible.builtin.copy:
        content: "{{{{ dgops_secret.keys() | sort | join(' ') }}}} {{{{ dgops_secret.MY_TOKEN | hash('sha256') }}}}"
        dest: "{here}/measured-{{{{ inventory_hostname }}}}"
        mode: "0600"
    - name: Forget no_log, and fail
      ansible.builtin.command:
        argv: [sh, -c, 'cat; cat >&2; echo "$0" >&2; exit 1', "{{{{ dgops_secret.MY_TOKEN }}}}"]
        stdin: "{{{{ dgops_secret.MY_KEY | default('x') }}}}"
      ignore_errors: true
    - name: Fail in a loop
      ansible.builtin.fail:
        msg: "no use for {{{{ item }}}}"
      loop: "{{{{ dgops_secret.values() }}}}"
      ignore_errors: true
    - name: Fail in a template
      ansible.builtin.debug:
        msg: "{{{{ dgops_secret.MY_TOKEN | from_json }}}}"
      ignore_errors: true
    - name: Write them for all to see
      ansible.builtin.copy:
        content: "{{{{ dgops_secret | to_json }}}}\\n{{{{ dgops_secret.MY_KEY | default('x') }}}}"
        dest: "{here}/leaked-{{{{ inventory_hostname }}}}"
        mode: "0600"
    - name: "Notice: say it"
      ansible.builtin.debug:
        msg: "it is {{{{ dgops_secret.MY_TOKEN }}}}"
"""


def holders(folder):
    """Return what holds a piece of a secret: files below a folder, and this machine's processes by what starts them."""
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "play.yml"}
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                files[process / name] = (process / name).read_bytes()
            except OSError:
                continue
    return [str(path) for path, data in files.items() if any(piece.encode() in data for piece in PIECES)]


@pytest.fixture
def play(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("MY_TOKEN", TOKEN)
    inventory = tmp_path / "hosts.yml"
    own = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory.write_text(json.dumps({"all": {"hosts": {"a": {}, "b": {}}, "vars": own}}))
    (tmp_path / "play.yml").write_text(PLAY.format(here=tmp_path))
    hosts = [Host("a", "local"), Host("b", "local")]
    known = tmp_path / "known_hosts"
    return ansible.Playbook(tmp_path / "play.yml", [inventory], hosts, known, diff=True, secrets=SECRETS)


def wait_for(*paths):
    deadline = time.monotonic() + 60
    while not all(path.exists() for path in paths):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_nothing_shows_them(play, tmp_path):
    with contextlib.closing(ansible.run(play)) as run:
        events = [next(run)]
        wait_for(tmp_path / "waiting-a", tmp_path / "waiting-b")
        assert holders(tmp_path) == [], "while modules run with them"
        (tmp_path / "go").touch()
        events += run
    measured = hashlib.sha256(TOKEN.encode()).hexdigest()
    assert (tmp_path / "measured-a").read_text() == f"MY_KEY MY_TOKEN {measured}", "whole, braces and all"
    assert (tmp_path / "measured-b").read_text() == f"MY_TOKEN {measured}", "its own only"
    text = json.dumps(events) + json.dumps(events, ensure_ascii=False)
    assert [piece for piece in PIECES if piece in text] == []
    # What was written knowingly is where it was written, and the words about it came through without them.
    assert sorted(Path(path).name for path in holders(tmp_path)) == ["leaked-a", "leaked-b"]
    diffs = [event["text"] for event in events if event["event"] == "diff"]
    failures = [event["failure"] for event in events if "failure" in event]
    notices = [event["value"]["msg"] for event in events if "value" in event]
    assert sum("***" in diff for diff in diffs) == 2
    assert len(failures) >= 6
    assert all("***" in json.dumps(failure) for failure in failures if failure.get("cmd"))
    assert sum("***" in failure["msg"] for failure in failures) == 3
    assert notices == ["it is ***", "it is ***"]


def test_a_script_that_lists_hosts_keeps_its_environment(play, tmp_path):
    gone = handover.hidden(SECRETS, play.inventories)
    assert gone == {"MY_TOKEN", "MY_KEY"}
    assert "MY_TOKEN" not in ansible.environment(tmp_path, 1.0, gone)
    script = tmp_path / "hosts.sh"
    script.write_text("#!/bin/sh\necho '{}'\n")
    script.chmod(0o755)
    assert handover.hidden(SECRETS, [*play.inventories, script]) == set()


def test_what_ansible_is_handed_has_no_name_and_no_value_in_it(play):
    with handover.in_memory(SECRETS) as handed:
        assert os.fstat(handed.fileno()).st_nlink == 0
        assert json.loads(Path(f"/proc/self/fd/{handed.fileno()}").read_text()) == SECRETS
    assert "braces" not in json.dumps([ansible.variables(play), ansible.command(play)]) + repr(play)
