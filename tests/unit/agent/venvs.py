"""Small wheels and the venvs that uv makes of them."""

import base64
import hashlib
import shutil
import sys
import time
import zipfile
from pathlib import Path

from dgops.agent import manifest
from dgops.agent import venv as venvs

UV = str(Path(sys.prefix) / "bin/uv")
SITE = "lib/python{}.{}/site-packages".format(*sys.version_info)


def digest(data):
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def make_wheel(folder, name, version="1.0", files=None, scripts=()):
    """Write a wheel and return its path."""
    info = f"{name}-{version}.dist-info"
    held = {f"{name}/__init__.py": b"def main():\n    return 0\n", f"{name}/data.txt": b"data\n", **(files or {})}
    held[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    held[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    if scripts:
        held[f"{info}/entry_points.txt"] = ("[console_scripts]\n" + "\n".join(scripts) + "\n").encode()
    rows = "".join(f"{path},{digest(data)},{len(data)}\n" for path, data in held.items())
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, data in held.items():
            archive.writestr(inner, data)
        archive.writestr(f"{info}/RECORD", f"{rows}{info}/RECORD,,\n")
    return path


def lock_of(*wheels):
    """Return the text of a lock of wheels."""
    text = ""
    for path in wheels:
        name, version = path.name.split("-")[:2]
        text += f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"
    return text


class Made:
    """A cache of wheels, a lock, and the venv that is settled by it."""

    def __init__(self, root):
        self.root = root
        self.cache, self.path, self.lock = root / "cache", root / "app/.venv", root / "app.txt"
        self.cache.mkdir()
        self.site, self.bin = self.path / SITE, self.path / "bin"
        self.alpha = make_wheel(self.cache, "alpha", scripts=["alpha = alpha:main"])
        self.beta = make_wheel(self.cache, "beta", files={"beta/sub/deep.py": b"x = 1\n"})
        self.lock.write_text(lock_of(self.alpha, self.beta))

    def settle(self, *allow, check=False):
        request = {"path": str(self.path), "lock": str(self.lock), "allow": list(allow)}
        return venvs.settle(request, UV, str(self.cache), check)

    def keep(self, copy):
        """Keep a copy of all but the wheels."""
        shutil.copytree(self.root, copy, symlinks=True, ignore=shutil.ignore_patterns("*.whl"))

    def put_back(self, copy):
        """Make all as it was when it was kept, and proven: the manifest knows files by inode and time."""
        for path in [*self.root.iterdir(), *self.cache.iterdir()]:
            # uv notes the times of the wheels that it installs, so that these two stay what they were.
            if path in (self.cache, self.alpha, self.beta):
                continue
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        shutil.copytree(copy, self.root, symlinks=True, dirs_exist_ok=True)
        # Or what was written in this very step of the clock would be doubted.
        time.sleep(2 * manifest.TICK / 1e9)
        assert not any(self.settle().values())
        return self
