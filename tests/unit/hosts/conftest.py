"""A keyring of a test's own, or none at all; the person's is never asked."""

from pathlib import Path

import pytest

from dgops.hosts.secrets import KNOWN


@pytest.fixture
def no_keyring(monkeypatch):
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    for name in KNOWN:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def keyring(no_keyring, monkeypatch, tmp_path):
    """Return a function that changes how the keyring behaves."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "keyrings"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "file_keyring.FileKeyring")
    monkeypatch.setenv("FILE_KEYRING", str(tmp_path / "keyring.json"))
    return lambda mode: monkeypatch.setenv("FILE_KEYRING_MODE", mode)
