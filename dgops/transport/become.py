"""Commands as root: as they are for a root login, through sudo without a password for everybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgops.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgops.transport.protocol import Completed, Transport

# One round trip, whoever logs in. sudo's own complaint depends on the host's language, this word does not.
SCRIPT = """\
if [ "$(id -u)" = 0 ]; then exec "$@"; fi
if ! sudo -n true 2>/dev/null; then echo "dgops-no-sudo $(id -un)" >&2; exit 126; fi
exec sudo -n -- "$@"
"""
MARK = "dgops-no-sudo "


def as_root(argv: Sequence[str]) -> list[str]:
    """Return argv wrapped so that it runs as root on the host."""
    return ["sh", "-c", SCRIPT, "dgops", *argv]


def unwrapped(argv: Sequence[str]) -> Sequence[str]:
    """Return what as_root wrapped, for messages; anything else as it is."""
    wrapper = as_root([])
    return argv[len(wrapper) :] if list(argv[: len(wrapper)]) == wrapper else argv


def run_as_root(transport: Transport, argv: Sequence[str], *, stdin: bytes = b"", timeout: float = 60.0) -> Completed:
    """Run argv as root; raises AccessError where sudo wants a password or is not there."""
    completed = transport.run(as_root(argv), stdin=stdin, timeout=timeout)
    if completed.returncode == 126 and completed.stderr.decode(errors="replace").startswith(MARK):
        # The host is not trusted to finish its sentence.
        words = completed.stderr.decode(errors="replace").removeprefix(MARK).split()
        raise no_sudo(words[0][:32] if words else "the login user")
    return completed


def no_sudo(user: str) -> AccessError:
    """Return the error for a login user who may not become root without a password."""
    return AccessError(
        f"{user} may not become root on the host: sudo asks for a password, or is not installed",
        "on the host, once, as root:  apt-get install -y sudo; "
        f"echo '{user} ALL=(ALL:ALL) NOPASSWD:ALL' > /etc/sudoers.d/{user}; "
        f"chmod 0440 /etc/sudoers.d/{user}",
    )
