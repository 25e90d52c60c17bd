"""What may happen to a conda that the role conda installed, and to its environments."""

from mutation import files
from mutation.tampering import Tampering, q

MAKING = ".dgops-making"


def prefix(role, path):
    """An installation. What was not broken off there is a person's to move away: there may be more in it."""
    program = f"{path}/bin/conda"
    return [
        _broken_off(role, path),
        files.gone(role, path),
        Tampering(role, program, "removed", f"rm {q(program)}", (program,), whole=True, adopted=True),
        Tampering(role, program, "owner changed", f"chown nobody {q(program)}", (program,), adopted=True),
    ]


def environment(role, path):
    """One environment, by what says that it is whole and of its lock."""
    lock, history = f"{path}/.dgops-lock", f"{path}/conda-meta/history"
    return [
        _broken_off(role, path),
        files.gone(role, path),
        Tampering(role, history, "removed", f"rm {q(history)}", (history,), whole=True),
        Tampering(role, lock, "altered", f"echo '# planted' >>{q(lock)}", (lock,)),
        Tampering(role, lock, "owner changed", f"chown nobody {q(lock)}", (lock,), light=True),
        Tampering(role, lock, "removed", f"rm {q(lock)}", (lock,), whole=True, adopted=True),
    ]


def _broken_off(role, path):
    mark = path + MAKING
    return Tampering(role, mark, "planted", f": >{q(mark)}", (mark,))
