"""The job that a request names; whoever follows one asks often, and loads no more than this."""

from __future__ import annotations

import os
from typing import Any, Dict

from dgops.agent import jobdir, owner, spec
from dgops.agent.owner import Refusal


def folder_of(request: Dict[str, Any]) -> str:
    """Return the folder of the job that a request names, and become its user; one that is not there is refused."""
    name = request["id"]
    folder = os.path.join(jobdir.jobs_folder(request["base"]), str(name))
    known = isinstance(name, str) and spec.ID.match(name) and os.path.isdir(request["base"])
    if known:
        owner.enter(request["base"])
    if not known or not os.path.isdir(folder) or os.path.islink(folder):
        raise Refusal("there is no job {} on this host".format(str(name)[:40]), "dgops jobs list")
    return folder
