"""A Windows machine for deploy.ps1: a drive C:, a wsl.exe or none, and a record of what was called and shown."""

import re
from pathlib import Path

from windows.wsl import Wsl

LOCAL = r"C:\Users\ann\AppData\Local"


class Machine:
    """What the evaluator asks of Windows; C: is a folder, and everything in it belongs to everybody."""

    def __init__(self, folder, version, script_root, to_linux=None):
        self.drive = folder / "c"
        self.drive.mkdir(parents=True)
        self.drive.chmod(0o777)
        self.script_root = script_root
        self.has_wsl = version is not None
        self.wsl_exe = Wsl(version, folder / "distros", self.drive) if self.has_wsl else None
        self.environment = {"LOCALAPPDATA": LOCAL, "USERPROFILE": r"C:\Users\ann"}
        self.to_linux = to_linux or {}
        self.calls, self.shown, self.complained = [], [], []

    def here(self, path):
        return Path(self.drive, *re.split(r"[\\/]+", self.absolute(path))[1:])

    def absolute(self, path):
        """Return a path as Resolve-Path does, the current folder being the script's."""
        return path if re.match(r"[A-Za-z]:", path) else f"{self.script_root}\\{path}".replace("\\.\\", "\\")

    def is_file(self, path):
        return self.here(path).is_file()

    def wsl(self, words, piped):
        self.calls.append(words)
        return self.wsl_exe.run(words, piped, self.environment.get("WSL_UTF8") == "1", self.to_linux)
