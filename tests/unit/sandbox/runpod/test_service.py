"""The double's process from outside."""

import os

from dgops import settings as settings_room
from dgops.sandbox.runpod import service


def test_none_is_up(tmp_path):
    settings = settings_room.load(tmp_path, {"state": str(tmp_path / "state")})
    assert service.look(settings) is None
    assert service.rented(settings) == []
    assert service.down(settings) is False


def test_a_number_that_came_back_is_not_ended(tmp_path):
    settings = settings_room.load(tmp_path, {"state": str(tmp_path / "state")})
    folder = tmp_path / "state/sandbox/runpod"
    folder.mkdir(parents=True)
    (folder / "server.json").write_text(f'{{"pid": {os.getpid()}, "url": "http://127.0.0.1:9"}}')
    assert service.look(settings) is None
    assert service.down(settings) is False
    (folder / "cloud.json").write_text('{"pods": [{"body": {"name": "dgops-pod"}}]}')
    assert service.rented(settings) == ["dgops-pod"]
