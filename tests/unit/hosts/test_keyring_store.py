"""The keyring behind its process: real backends, those that fail included."""

import json
import os
import time
from pathlib import Path

import pytest

from dgops.errors import DgopsError
from dgops.hosts import keyring_store

KEY = "-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n"


def test_kept_read_and_removed(keyring, tmp_path):
    keyring_store.keep("HF_TOKEN", "hf_abcdef")
    keyring_store.keep("DEPLOY_KEY", KEY)
    keyring_store.keep("HF_TOKEN", "hf_ghijkl")
    assert keyring_store.read(["HF_TOKEN", "DEPLOY_KEY", "NO"]) == {"HF_TOKEN": "hf_ghijkl", "DEPLOY_KEY": KEY}
    assert keyring_store.held(["HF_TOKEN", "NO"]) == {"HF_TOKEN"}
    assert keyring_store.names() == ["DEPLOY_KEY", "HF_TOKEN"]
    assert "dgops/HF_TOKEN" in json.loads((tmp_path / "keyring.json").read_text())
    assert keyring_store.remove("HF_TOKEN") is True
    assert keyring_store.remove("HF_TOKEN") is False
    assert (keyring_store.names(), keyring_store.read(["HF_TOKEN"])) == (["DEPLOY_KEY"], {})


def test_the_list_of_names_holds_names(keyring):
    keyring_store.keep("HF_TOKEN", "hf_abcdef")
    file = Path.home() / ".config/dgops/secrets.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text()) == {"names": ["HF_TOKEN"]}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"names": 1}', '{"names": [1]}', "\x00"])
def test_a_broken_list_is_an_empty_one(keyring, text):
    file = Path.home() / ".config/dgops/secrets.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert keyring_store.names() == []


def test_no_keyring_says_what_to_do(no_keyring):
    with pytest.raises(DgopsError, match="there is no keyring on this machine") as found:
        keyring_store.keep("HF_TOKEN", "hf_abcdef")
    assert found.value.exit_code == 1
    assert "export HF_TOKEN=…" in found.value.hint
    assert "install a keyring backend" in found.value.hint
    assert keyring_store.names() == []


def test_one_that_does_not_answer_has_a_deadline(keyring, monkeypatch):
    monkeypatch.setattr(keyring_store, "PATIENCE", 1.0)
    keyring("deaf")
    started = time.monotonic()
    with pytest.raises(DgopsError, match="no answer within 1 s; is it locked"):
        keyring_store.read(["HF_TOKEN"])
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("locked", "KeyringLocked: Failed to unlock"),
        ("broken", "RuntimeError: no bus"),
        ("forgetful", "did not keep it"),
        ("quoting", r"cannot keep \*\*\*"),
    ],
)
def test_one_that_fails_is_quoted_without_the_value(keyring, mode, words):
    keyring(mode)
    with pytest.raises(DgopsError, match=words) as found:
        keyring_store.keep("HF_TOKEN", "hf_abcdef")
    assert "hf_abcdef" not in found.value.message + found.value.hint
    assert keyring_store.names() == []


def test_one_that_talks_is_understood(keyring):
    keyring("talkative")
    keyring_store.keep("HF_TOKEN", "hf_abcdef")
    assert keyring_store.read(["HF_TOKEN"]) == {"HF_TOKEN": "hf_abcdef"}


def test_modules_of_the_folder_that_one_is_in_are_not_loaded(keyring):
    Path("keyring.py").write_text("raise SystemExit('taken over')")
    assert keyring_store.read(["HF_TOKEN"]) == {}
    assert Path("keyring.py").resolve().parent == Path(os.getcwd()).resolve()
