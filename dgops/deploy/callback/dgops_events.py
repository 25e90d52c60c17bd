# SPDX-License-Identifier: GPL-3.0-or-later
# This one file imports Ansible and is under Ansible's licence; it runs in Ansible's process, dgops reads its lines.
"""An Ansible callback that writes one JSON line for each event to stdout."""

from __future__ import annotations

import json
import sys
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: dgops_events
type: stdout
short_description: one JSON line for each event
description: Writes what happened as JSON lines, for dgops to show.
"""

# What a person may need of a failed task; Ansible has already censored what no_log hides.
KEPT = ("msg", "stderr", "stdout", "module_stderr", "module_stdout", "exception", "rc", "cmd")
LONGEST = 20_000


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Translate Ansible's callbacks to events."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "dgops_events"

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """A task begins on its hosts."""
        del is_conditional
        self._write("task_started", **_name(task))

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """A handler begins on its hosts."""
        self._write("task_started", **_name(task))

    def v2_runner_on_ok(self, result: Any) -> None:
        """A task ended well on a host."""
        outcome = "changed" if result._result.get("changed") else "ok"
        self._result(result, outcome)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A task failed on a host."""
        self._result(result, "ignored" if ignore_errors else "failed", **_failure(result._result))

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """One item of a loop failed on a host: its text is the real one, the loop's says only that one failed."""
        self._result(result, "item_failed", **_failure(result._result))

    def v2_runner_on_skipped(self, result: Any) -> None:
        """A task did not apply to a host."""
        self._result(result, "skipped")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A host was lost."""
        self._result(result, "unreachable", **_failure(result._result))

    def v2_on_file_diff(self, result: Any) -> None:
        """What a task changed in a file, under --diff."""
        diffs = [one.get("diff") for one in result._result.get("results", [result._result]) if one.get("changed")]
        for diff in filter(None, diffs):
            self._write("diff", host=result._host.get_name(), text=self._get_diff(diff))

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The end: Ansible's own counts for each host."""
        self._write("stats", hosts={host: stats.summarize(host) for host in sorted(stats.processed)})

    def _result(self, result: Any, outcome: str, **more: Any) -> None:
        shown = result._result
        if outcome in ("ok", "changed") and _carries(result._task):
            more["value"] = shown
        self._write("result", host=result._host.get_name(), outcome=outcome, **_name(result._task), **more)

    def _write(self, event: str, **fields: Any) -> None:
        sys.stdout.write(json.dumps({"event": event, **fields}, default=str) + "\n")
        sys.stdout.flush()


def _name(task: Any) -> dict[str, Any]:
    role = task._role.get_name() if task._role else ""
    return {"role": role, "task": task.get_name().removeprefix(f"{role} : ")}


def _carries(task: Any) -> bool:
    """Say whether the result itself is for dgops: a notice to the person, or the rendered checks."""
    name: str = task.get_name().rsplit(" : ", 1)[-1]
    return name.startswith(("Notice:", "Render the checks"))


def _failure(result: dict[str, Any]) -> dict[str, Any]:
    return {"failure": {key: _end(str(result[key])) for key in KEPT if result.get(key)}}


def _end(text: str) -> str:
    """Return the end of a long text from the start of a word on: half a secret would not be known for one."""
    if len(text) <= LONGEST:
        return text
    return text[-LONGEST:].partition("\n")[2] or text[-LONGEST:].partition(" ")[2]
