# SPDX-License-Identifier: GPL-3.0-or-later
# This one file imports Ansible and is under Ansible's licence; it runs in Ansible's process, tests read its lines.
"""An Ansible callback that writes what every task and loop item was called with, resolved, as JSON lines."""

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: recorder
type: notification
short_description: the resolved arguments of every task and loop item
description: Appends a JSON line for each task and loop item to the file that DGOPS_RECORD names.
"""


class CallbackModule(CallbackBase):
    """Write a line for each task of each host; a loop gives one for each item."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "recorder"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result):
        # The items of a loop have spoken for themselves.
        if "results" not in result._result or not result._task.loop:
            self._write(result)

    def v2_runner_item_on_ok(self, result):
        self._write(result)

    def v2_runner_on_skipped(self, result):
        if "results" not in result._result or not result._task.loop:
            self._write(result, skipped=True)

    def v2_runner_item_on_skipped(self, result):
        self._write(result, skipped=True)

    def _write(self, result, skipped=False):
        task, shown = result._task, result._result
        arguments = (shown.get("invocation") or {}).get("module_args") or {}
        # A program fed to an interpreter is no setting.
        arguments = {key: value for key, value in arguments.items() if key != "stdin"}
        role = task._role.get_name() if task._role else ""
        line = {
            "host": result._host.get_name(),
            "role": role,
            "task": task.get_name().removeprefix(f"{role} : "),
            "module": task.resolved_action or task.action,
            "args": arguments,
            "skipped": skipped,
            "censored": "censored" in shown,
        }
        with open(os.environ["DGOPS_RECORD"], "a") as stream:
            stream.write(json.dumps(line, default=str) + "\n")
