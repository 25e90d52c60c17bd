"""A mapped folder with its marker and notes, and a volume that outlives it."""

import json

from dgops.agent import scan, spool

ID, BASE = "a" * 32, "b" * 40


class Replica:
    """A mapped folder that home agreed on, and a volume."""

    def __init__(self, root):
        self.app, self.volume = root / "app", root / "volume"
        self.volume.mkdir()
        for name in ("main.py", "tools/run.sh", "gone.py"):
            self.write(name, f"{name}\n")
        (self.app / "tools/run.sh").chmod(0o755)
        self.agree()

    @property
    def place(self):
        return self.volume / "dgops-spool" / ID

    def write(self, name, text):
        (self.app / name).parent.mkdir(parents=True, exist_ok=True)
        (self.app / name).write_text(text)

    def agree(self, base=BASE):
        entries = {
            path: [mode, number]
            for path, mode, number, *_ in scan.Scan({"seconds": 9, "max_bytes": 99, "max_entries": 99}).look(
                str(self.app)
            )["entries"]
        }
        marker = {"id": ID, "base": base, "modes": True}
        (self.app.parent / ".dgops-app.json").write_text(json.dumps(marker))
        spool.remember(str(self.app), marker, {"name": "app", "root": str(self.volume), "entries": entries})

    def save(self):
        (kept,) = spool.known()
        return spool.save(kept)

    def spooled(self):
        """Return what is listed: path → content, and what is gone."""
        found = spool.listed(str(self.volume))
        if not found:
            return None
        (one,) = found
        tree = self.place / "tree"
        files = {
            path: target if mode == "120000" else (tree / path).read_text()
            for path, (mode, _, target) in one["edits"].items()
        }
        return files, one["gone"]
