"""A forge of a test's own: a user on a host who gives out bare repositories by git over SSH, and what upstream does."""

import subprocess

from place import REPO

STAND_IN = REPO / "tests/e2e/comfyui"
NAMES = {f"GIT_{who}_{what}": "upstream" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
NOBODY = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
IGNORED = "__pycache__/\n/.venv/\n/user/\n/custom_nodes/\nextra_model_paths.yaml\n"


class Forge:
    """The account `git` of a sandbox host, with bare repositories below /srv/git; their sources lie here."""

    def __init__(self, place, host="pod"):
        self.place, self.host = place, host
        place.on(host, "useradd --create-home --shell /usr/bin/git-shell git && mkdir -p /srv/git")
        self.address = place.on(host, "hostname -I").split()[0]
        self.sources = place.root / "upstream"
        self.sources.mkdir()

    def let_in(self, public_key):
        """Let a host's user read: a key that can run git and nothing else."""
        # No password opens the account, and yet it is not locked; sshd insists on closed files.
        script = "umask 077; cd /home/git && mkdir -p .ssh && cat >>.ssh/authorized_keys && chmod go-w . && "
        script += "chown -R git: . /srv/git && usermod -p '*' git"
        self._feed(script, public_key.encode())

    @property
    def host_keys(self):
        """The lines of known_hosts that pin it."""
        keys = self.place.on(self.host, "cat /etc/ssh/ssh_host_ed25519_key.pub").split()[:2]
        return [f"{self.address} {' '.join(keys)}"]

    def remote(self, name):
        return f"git@{self.address}:/srv/git/{name}.git"

    def create(self, name, files):
        """Make a repository and return its first commit."""
        path = self.sources / name
        path.mkdir()
        self._git(path, "init", "--quiet", "--initial-branch=main")
        return self.commit(name, {".gitignore": IGNORED, **files})

    def commit(self, name, files):
        """Commit files upstream, and return the commit."""
        path = self.sources / name
        for file, text in files.items():
            (path / file).parent.mkdir(parents=True, exist_ok=True)
            (path / file).write_text(text)
        self._git(path, "add", "--all")
        self._git(path, "commit", "--quiet", "--message", "a change")
        return self.publish(name)

    def rewrite(self, name):
        """Take the last commit out of the history, and return it."""
        path = self.sources / name
        lost = self._git(path, "rev-parse", "HEAD")
        self._git(path, "reset", "--quiet", "--hard", "HEAD~1")
        self.publish(name)
        return lost

    def publish(self, name):
        """Bring all of a repository to the forge, as it stands now: what its history does not hold is not there."""
        path = self.sources / name
        bare = self.sources / f"{name}.git"
        subprocess.run(["rm", "-rf", bare], check=True, timeout=60)
        self._git(path, "clone", "--quiet", "--bare", "--no-local", str(path), str(bare))
        tar = subprocess.run(["tar", "-C", self.sources, "-c", bare.name], capture_output=True, check=True, timeout=60)
        script = f"rm -rf /srv/git/{name}.git && tar -C /srv/git --no-same-owner -x && chown -R git /srv/git"
        self._feed(script, tar.stdout)
        return self._git(path, "rev-parse", "HEAD")

    def _feed(self, script, data):
        from dgops.sandbox import hosts

        view = next(one for one in hosts.listed(self.place.settings) if one.name == self.host)
        done = subprocess.run([*view.ssh, script], input=data, env=self.place.env, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr

    def _git(self, path, *argv):
        done = subprocess.run(
            ["git", "-C", path, *argv], env={**self.place.env, **NAMES, **NOBODY}, capture_output=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().strip()


def comfyui_files():
    """Return the stand-in for ComfyUI as files of a repository."""
    return {
        "main.py": (STAND_IN / "main.py").read_text(),
        "comfyui_version.py": '__version__ = "0.3.64"\n',
    }


def node_files():
    """Return the stand-in for a custom node."""
    return {"__init__.py": (STAND_IN / "node.py").read_text()}


def trainer_files(name):
    """Return what a trainer's repository looks like from afar."""
    return {"README.md": f"# {name}\n", "pyproject.toml": f'[project]\nname = "{name}"\n', "src/train.py": "print(1)\n"}


def small_lock(folder):
    """Make the folder of locks with one more, `app`: click as the runtime's lock pins it."""
    subprocess.run(["cp", "-r", REPO / "locks", folder], check=True, timeout=60)
    lines = (folder / "runtime.txt").read_text().splitlines(keepends=True)
    start = next(number for number, line in enumerate(lines) if line.startswith("click=="))
    end = next(number for number, line in enumerate(lines) if number > start and not line.startswith(" "))
    (folder / "app.txt").write_text("".join(lines[start:end]))
