"""dgops init: a commented dgops.toml and an inventory to edit, in the current folder."""

from __future__ import annotations

from pathlib import Path

import click

PROJECT = """\
# dgops: what this project wants. Every key may also be given as DGOPS_<KEY> or as an option.
# `dgops settings` prints each value and where it came from.

# Which hosts exist: folders or files that Ansible reads. Without it: inventories/sandbox while a sandbox is up,
# inventories/local, and inventories/runpod once a pod was rented from here.
# inventory = ["inventories/local"]

# production refuses AI stages without a GPU; fast-test needs none.
# mode = "production"

# Known host keys, contracts and the like. A second clone has its own.
# state = ".dgops"

# How many hosts are worked on at once, and how many seconds a connection may take.
# forks = 20
# connect_timeout = 10

# Where RunPod's API answers, and its GraphQL (default: /graphql there), which is asked for spot pods and the balance.
# runpod_url = "https://api.runpod.io"
# runpod_graphql_url = "https://api.runpod.io/graphql"

# What a pod may cost that is rented here. It keeps to it by itself, also while this machine is off: at a limit it
# spools its edits and stops. ttl counts from each start; max_cost, in dollars, from the create; idle is no job, nobody
# logged in, and the GPU under idle_gpu percent. budget_per_day: no pod is rented or started once that much is spent.
# [pods]
# ttl = "8h"
# max_cost = 12
# idle_minutes = 30
# idle_gpu = 10
# budget_per_day = 20

# Sets that `dgops gather SLUG` makes from photographs, each in outputs/SLUG beside this file, which a recipe's
# `dataset:` names; keys are the options of `dgops run dataset`, paths are relative to this file.
# [gather.amira]
# source = "photos"
# trigger = "amiranoor"
# crop = "face"

# Folders of hosts that `dgops sync` ties to folders of a repository here; repo is relative to this file.
# [[sync.map]]
# name = "api"
# host = "pod"
# host_path = "/app/apps/api/src"
# repo = "../isengard"
# local_path = "apps/api/src"
# branch = "main"
# kind = "artifacts": files that come home and are never committed
"""
INVENTORY = """\
# Hosts of this project. A pod's line is added by:
#   dgops hosts add NAME 'ssh root@IP -p PORT -i ~/.ssh/id_ed25519'
---
all:
  hosts:
    # The machine that dgops runs on.
    local:
      ansible_connection: local
      ansible_python_interpreter: /usr/bin/python3
      base__sshd: false
"""


SCRIPT = Path("inventories/runpod/hosts.py")


@click.command()
def init() -> None:
    """Write a commented dgops.toml and inventories here; what is there already stays.

    inventories/local is for hosts of your own, inventories/runpod lists rented pods by itself.
    """
    from dgops.deploy import tree

    script = (tree.root() / SCRIPT).read_text()
    texts = {Path("dgops.toml"): PROJECT, Path("inventories/local/hosts.yml"): INVENTORY, SCRIPT: script}
    for path, text in texts.items():
        if path.exists():
            click.echo(f"kept     {path}")
            continue
        from dgops.files import write_atomic

        write_atomic(path, text, 0o755 if path == SCRIPT else 0o644)
        click.echo(f"written  {path}")
    click.echo("next:    dgops hosts add pod 'ssh root@IP -p PORT -i ~/.ssh/id_ed25519'   then dgops deploy --host pod")
