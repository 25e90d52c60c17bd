"""Start ansible-playbook, and nothing else does: its command, its environment, its events."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from dgops.deploy import handover, scratch, tree
from dgops.deploy.scrub import Scrub
from dgops.errors import DgopsError
from dgops.events import trace
from dgops.hosts import source
from dgops.transport.known_hosts import strict_options

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator, Mapping, Sequence

    from dgops.hosts.host import Host

PATIENCE = 20.0
# No task of a role takes longer; one that hangs on its host (a frozen disk, say) must not hang the deploy for ever.
LONGEST_TASK = 3600
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)  # Loaded here: between fork and exec is no place to load a library.


@dataclass(frozen=True)
class Playbook:
    """One run of a playbook: which inventories, which hosts, how; `secrets` are values by host and name."""

    path: Path
    inventories: Sequence[Path]
    hosts: Sequence[Host]
    known_hosts: Path
    roles: Sequence[str] = ()
    check: bool = False
    diff: bool = False
    forks: int = 20
    connect_timeout: float = 10.0
    variables: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)


def command(playbook: Playbook) -> list[str]:
    """Return the argv of a run; variables go in a file, so that none of them shows in a process list."""
    argv = [str(Path(sys.executable).parent / "ansible-playbook"), str(playbook.path)]
    for inventory in playbook.inventories:
        argv += ["-i", str(inventory)]
    argv += ["--limit=" + ",".join(host.name for host in playbook.hosts), "--forks", str(playbook.forks)]
    if playbook.roles:
        argv += ["--tags", ",".join(playbook.roles)]
    argv += ["--check"] if playbook.check else []
    argv += ["--diff"] if playbook.diff else []
    # Never -v: from its third level on, Ansible prints what modules answer before no_log censors it.
    return argv


def ssh_arguments(host: Host, known_hosts: Path) -> str:
    """Return `ansible_ssh_args` for one host: its pinned keys and no others, and a peer that falls silent is gone.

    These come first on ssh's command line, where the first word counts. No -F: a person's own configuration
    says how to reach a host, here as in every other connection.
    """
    options = {
        **strict_options(host.alias, known_hosts),
        "ServerAliveInterval": "5",
        "ServerAliveCountMax": "3",
        "ControlMaster": "auto",
        "ControlPersist": "60s",
    }
    ours = shlex.join(word for key, value in options.items() for word in ("-o", f"{key}={value}"))
    return f"{ours} {host.variables.get('ansible_ssh_args') or ''}".strip()


def variables(playbook: Playbook) -> dict[str, Any]:
    """Return the extra variables of a run; an inventory cannot loosen what they say."""
    arguments = {host.name: ssh_arguments(host, playbook.known_hosts) for host in playbook.hosts}
    strict = {"dgops_ssh_args": arguments, "ansible_ssh_args": "{{ dgops_ssh_args[inventory_hostname] | default('') }}"}
    return {**playbook.variables, **strict, "dgops_secret": "{{ lookup('dgops_secret') }}"}


def environment(folder: Path, connect_timeout: float = 10.0, hidden: Collection[str] = ()) -> dict[str, str]:
    """Return the variables that make a run the same whatever ansible.cfg the person has, without the hidden ones."""
    config = folder / "ansible.cfg"
    config.write_text("[defaults]\n")
    settings = {
        "CALLBACK_PLUGINS": str(Path(__file__).parent / "callback"),
        "CONFIG": str(config),
        "DEPRECATION_WARNINGS": "0",
        "DISPLAY_FAILED_STDERR": "0",
        "HOST_KEY_CHECKING": "1",
        "LOCAL_TEMP": str(folder / "local"),
        "LOOKUP_PLUGINS": str(Path(__file__).parent / "lookup"),
        "NOCOLOR": "1",
        # Modules write their arguments to the host's log, and a role may have forgotten no_log.
        "NO_TARGET_SYSLOG": "1",
        "PIPELINING": "1",
        "PYTHON_INTERPRETER": "auto_silent",
        "RETRY_FILES_ENABLED": "0",
        # A wheel cannot hold the link playbooks/roles.
        "ROLES_PATH": str(tree.root() / "roles"),
        "SSH_CONTROL_PATH_DIR": str(folder / scratch.CONTROL),
        "STDOUT_CALLBACK": "dgops_events",
        "TASK_TIMEOUT": str(LONGEST_TASK),
        "TIMEOUT": str(max(1, round(connect_timeout))),
    }
    # An activated venv or a person's PYTHONPATH must not leak into Ansible's modules on a local host: another user
    # could not even start that venv's Python.
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHON", "VIRTUAL_"))}
    own = str(Path(sys.executable).parent)
    kept = {key: value for key, value in kept.items() if key not in hidden}
    kept[trace.VARIABLE] = trace.traceparent()
    kept["PATH"] = os.pathsep.join(part for part in os.environ.get("PATH", "").split(os.pathsep) if part != own)
    return {
        **kept,
        **{f"ANSIBLE_{key}": value for key, value in settings.items()},
        "PYTHONWARNINGS": "ignore",
        # For an inventory that is a script of ours.
        source.PYTHON: sys.executable,
    }


class Leash:
    """Ends a run from another thread than the one that follows it, also a run that has not begun."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pulled = False

    def tie(self, process: subprocess.Popen[bytes]) -> None:
        """Hold a run that has begun."""
        with self._lock:
            self._process = process
            pulled = self._pulled
        if pulled:
            _stop(process)

    def pull(self) -> None:
        """End the run, and wait until it is over."""
        with self._lock:
            self._pulled = True
            process = self._process
        if process:
            _stop(process)


def run(playbook: Playbook, leash: Leash | None = None) -> Generator[dict[str, Any], None, None]:
    """Run the playbook and yield its events as they come; a closed iterator ends the run.

    Raises DgopsError where Ansible itself could not start or broke without an account of any host.
    """
    # Neither secrets nor words have a name in any folder: a controller that is killed leaves none of them behind.
    with (
        scratch.folder() as folder,
        tempfile.TemporaryFile() as stderr,
        handover.in_memory(playbook.secrets) as secrets,
    ):
        extra = folder / "variables.json"
        extra.write_text(json.dumps(variables(playbook)))
        process = _start([*command(playbook), "--extra-vars", f"@{extra}"], playbook, folder, (stderr, secrets))
        try:
            if leash:
                leash.tie(process)
            yield from _events(process, stderr, Scrub(handover.values(playbook.secrets)))
        finally:
            _end(process)


def _start(
    argv: Sequence[str], playbook: Playbook, folder: Path, streams: tuple[IO[bytes], IO[bytes]]
) -> subprocess.Popen[bytes]:
    stderr, secrets = streams
    own = {handover.DESCRIPTOR: str(secrets.fileno())}
    hidden = handover.hidden(playbook.secrets, playbook.inventories)
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            # Ansible's own children, ssh and modules, do not inherit it further.
            pass_fds=(secrets.fileno(),),
            env={**environment(folder, playbook.connect_timeout, hidden), **own},
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    except OSError as error:
        raise DgopsError(
            f"{argv[0]} could not be started: {error.strerror}", "install the extra: dgops[controller]"
        ) from error


def _events(process: subprocess.Popen[bytes], stderr: IO[bytes], scrub: Scrub) -> Iterator[dict[str, Any]]:
    """Yield events without secrets; every other line, and at the end stderr's, is an event `said`."""
    assert process.stdout is not None
    complete, chatter = False, []
    for line in process.stdout:
        event = _parse(line)
        if event is None:
            chatter.append(scrub.words(line.decode(errors="replace").rstrip()))
            yield {"event": "said", "text": chatter[-1]}
            continue
        complete |= event["event"] == "stats"
        yield scrub.event(event)
    # Its place in the file is Ansible's too, who may still write.
    said = os.pread(stderr.fileno(), os.fstat(stderr.fileno()).st_size, 0)
    complaints = scrub.words(said.decode(errors="replace").strip())
    yield from ({"event": "said", "text": line} for line in complaints.splitlines())
    try:
        ended = f"exit {process.wait(timeout=PATIENCE)}"
    except subprocess.TimeoutExpired:
        ended = "a closed output, and did not exit"
    if not complete:
        words = complaints or "\n".join(chatter)
        raise DgopsError(f"ansible-playbook ended with {ended}: {_gist(words)}", "dgops -v deploy shows more")


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
    _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            if process.poll() is None:
                os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=PATIENCE)
            return
