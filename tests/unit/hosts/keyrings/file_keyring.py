"""A keyring in a file, as keyring's own extension point has it; it can be locked, deaf, forgetful or talkative."""

import json
import os
import time
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError


class FileKeyring(KeyringBackend):
    priority = 1

    def __init__(self):
        super().__init__()
        self.mode = os.environ.get("FILE_KEYRING_MODE", "")
        self.file = Path(os.environ["FILE_KEYRING"])

    def _load(self):
        if self.mode == "deaf":
            time.sleep(600)
        if self.mode == "locked":
            raise KeyringLocked("Failed to unlock the collection!")
        if self.mode == "broken":
            raise RuntimeError("no bus")
        if self.mode == "talkative":
            print("hello")
        return json.loads(self.file.read_text()) if self.file.exists() else {}

    def get_password(self, service, username):
        return self._load().get(f"{service}/{username}")

    def set_password(self, service, username, password):
        known = self._load()
        if self.mode == "quoting":
            raise KeyringLocked(f"cannot keep {password}")
        if self.mode != "forgetful":
            self.file.write_text(json.dumps({**known, f"{service}/{username}": password}))

    def delete_password(self, service, username):
        known = self._load()
        if known.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError("not found")
        self.file.write_text(json.dumps(known))
