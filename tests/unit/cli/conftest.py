"""The command line at a double whose pods run on paper."""

import pytest
from click.testing import CliRunner

from dgops.cli import pod_card as room
from dgops.cli.main import cli
from dgops.errors import DgopsError
from dgops.hosts import keyring_store


@pytest.fixture
def dgops(double, monkeypatch, tmp_path):
    """Return `dgops(*words)`, which returns exit code, stdout and stderr; raises the errors that main would print."""
    monkeypatch.setenv("DGOPS_RUNPOD_URL", double.url)
    monkeypatch.setenv("RUNPOD_API_KEY", double.server.key)
    monkeypatch.setenv("DGOPS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(room, "LOG_SECONDS", 1.0)
    # Every command would start a process that asks the keyring.
    monkeypatch.setattr(keyring_store, "read", lambda _names: {})
    (tmp_path / "dgops.toml").write_text("")
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA me\n")

    def run(*words):
        done = CliRunner().invoke(cli, words, catch_exceptions=True)
        if isinstance(done.exception, DgopsError):
            raise done.exception
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return run
