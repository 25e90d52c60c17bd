"""Start ansible-playbook, and nothing else does: its command, its environment, its events."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgops.deploy import tree
from dgops.errors import DgopsError
from dgops.transport.multiplex import close_masters

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

PATIENCE = 20.0
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)  # Loaded here: between fork and exec is no place to load a library.


@dataclass(frozen=True)
class Playbook:
    """One run of a playbook: which inventories, which hosts, how."""

    path: Path
    inventories: Sequence[Path]
    hosts: Sequence[str]
    roles: Sequence[str] = ()
    check: bool = False
    diff: bool = False
    forks: int = 20
    verbosity: int = 0
    variables: dict[str, Any] | None = None


def command(playbook: Playbook) -> list[str]:
    """Return the argv of a run; variables go in a file, so that none of them shows in a process list."""
    argv = [str(Path(sys.executable).parent / "ansible-playbook"), str(playbook.path)]
    for inventory in playbook.inventories:
        argv += ["-i", str(inventory)]
    argv += ["--limit", ",".join(playbook.hosts), "--forks", str(playbook.forks)]
    if playbook.roles:
        argv += ["--tags", ",".join(playbook.roles)]
    argv += ["--check"] if playbook.check else []
    argv += ["--diff"] if playbook.diff else []
    argv += ["-" + "v" * playbook.verbosity] if playbook.verbosity else []
    return argv


def environment(ssh_config: Path, scratch: Path) -> dict[str, str]:
    """Return the variables that make a run the same whatever ansible.cfg the person has."""
    config = scratch / "ansible.cfg"
    config.write_text("[defaults]\n")
    settings = {
        "CALLBACK_PLUGINS": str(Path(__file__).parent / "callback"),
        "CONFIG": str(config),
        "DEPRECATION_WARNINGS": "0",
        "DISPLAY_FAILED_STDERR": "0",
        "HOST_KEY_CHECKING": "1",
        "LOCAL_TEMP": str(scratch / "local"),
        "NOCOLOR": "1",
        "PIPELINING": "1",
        "PYTHON_INTERPRETER": "auto_silent",
        "RETRY_FILES_ENABLED": "0",
        # A wheel cannot hold the link playbooks/roles.
        "ROLES_PATH": str(tree.root() / "roles"),
        "SSH_ARGS": f"-F {ssh_config} -o ControlMaster=auto -o ControlPersist=60s",
        "SSH_CONTROL_PATH_DIR": str(scratch / "cp"),
        "STDOUT_CALLBACK": "dgops_events",
    }
    # An activated venv or a person's PYTHONPATH must not leak into Ansible's modules on a local host: another user
    # could not even start that venv's Python.
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHON", "VIRTUAL_"))}
    own = str(Path(sys.executable).parent)
    kept["PATH"] = os.pathsep.join(part for part in os.environ.get("PATH", "").split(os.pathsep) if part != own)
    return {
        **kept,
        **{f"ANSIBLE_{key}": value for key, value in settings.items()},
        "PYTHONWARNINGS": "ignore",
    }


def run(playbook: Playbook, ssh_config: Path) -> Generator[dict[str, Any], None, None]:
    """Run the playbook and yield its events as they come; a closed iterator ends the run.

    Raises DgopsError where Ansible itself could not start or broke without an account of any host.
    """
    # A short folder, since a control socket's path may have no more than about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="dgops-") as name:
        scratch = Path(name)
        argv = command(playbook)
        if playbook.variables:
            extra = scratch / "variables.json"
            extra.write_text(json.dumps(playbook.variables))
            argv += ["--extra-vars", f"@{extra}"]
        with (scratch / "stderr").open("wb") as stderr:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=environment(ssh_config, scratch),
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        try:
            yield from _events(process, scratch / "stderr")
        finally:
            _end(process)
            close_masters(scratch / "cp")


def _events(process: subprocess.Popen[bytes], stderr: Path) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    complete, chatter = False, []
    for line in process.stdout:
        event = _parse(line)
        if event is None:
            chatter.append(line.decode(errors="replace").rstrip())
            continue
        complete |= event["event"] == "stats"
        yield event
    returncode = process.wait(timeout=PATIENCE)
    if not complete:
        words = stderr.read_text(errors="replace").strip() or "\n".join(chatter)
        raise DgopsError(f"ansible-playbook ended with exit {returncode}: {_gist(words)}", "dgops -v deploy shows more")


def _gist(words: str) -> str:
    lines = [line for line in words.splitlines() if line.strip() and not line.startswith("[WARNING]")]
    return "\n  ".join(lines[:6]) or "it said nothing"


def _parse(line: bytes) -> dict[str, Any] | None:
    with contextlib.suppress(ValueError):
        event = json.loads(line)
        if isinstance(event, dict) and "event" in event:
            return event
    return None


def _die_with_parent() -> None:
    # A controller that is killed outright takes Ansible with it, so that its lease does not outlive nobody's work.
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdout:
        process.stdout.close()
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            if process.poll() is None:
                os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=PATIENCE)
            return
