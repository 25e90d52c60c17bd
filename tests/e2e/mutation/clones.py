"""What may happen to a clone of an app: what is edited in it is its user's, all else is put right."""

from mutation.files import AWAY
from mutation.tampering import Tampering, q


def clone(role, path):
    """Where it came from and where it stands; git's folder is enough to look at, so that a copy of it puts it right."""
    git, keep = f"runuser -u seanf -- git -C {q(path)}", (f"{path}/.git",)
    ways = {
        "another commit": f"{git} checkout -q --detach refs/dgops/pin~1",
        "on a branch that is elsewhere": f"{git} checkout -q -B work refs/dgops/pin~1",
        "its remote is another": f"{git} remote set-url origin https://elsewhere.invalid/x.git",
        "it can be pushed from": f"{git} config --unset remote.origin.pushurl",
    }
    back = f"{git} reset -q --hard"
    found = [Tampering(role, f"{path}/{kind}", kind, way, keep, after=back) for kind, way in ways.items()]
    away = path + AWAY
    script, undo = f"mv {q(path)} {q(away)}", f"rm -rf {q(path)}; mv {q(away)} {q(path)}"
    # Its venv goes as well, which is python_env's.
    return [*found, Tampering(role, path, "the clone is gone", script, undo=undo, whole=True)]


def database(role, path):
    """A database that root wrote."""
    file = f"{path}/comfyui.db"
    return [
        Tampering(role, file, "a file is root's", f": >{q(file)}", (file,)),
        Tampering(
            role,
            path,
            "owner changed",
            f"chown nobody {q(path)}",
            undo=f"chown --reference={q(path)}/.. {q(path)}",
            light=True,
        ),
    ]
