# SPDX-License-Identifier: GPL-3.0-or-later
# This file imports Ansible and is under Ansible's licence; it runs in Ansible's process, dgops hands it an open file.
"""An Ansible lookup that gives a host its secrets out of the memory that dgops shares with this process."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: dgops_secret
short_description: the secrets of this host
description: Returns one dictionary, name to value; dgops defines the variable dgops_secret by it.
"""


class LookupModule(LookupBase):  # type: ignore[misc]
    """Look up the secrets of the host that a task runs for, and of no other."""

    def run(self, terms: Any, variables: Any = None, **kwargs: Any) -> list[dict[str, str]]:
        """Return a list of one dictionary."""
        del terms, kwargs
        descriptor = int(os.environ["DGOPS_SECRETS_FD"])
        # By its place, since every worker shares the one file.
        data = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        # What a lookup returns is never taken for a template: braces in a secret are braces.
        return [json.loads(data).get(variables["inventory_hostname"], {})]
