"""Inputs: linked from the mirror before the command starts."""

import os

import pytest

from dgops.agent import inputs


def test_inputs_are_linked(agent_host):
    store = agent_host.base / "inputs" / ("a" * 16)
    (store / "deep").mkdir(parents=True)
    (store / "one.jpg").write_bytes(b"1")
    (store / "deep/two.jpg").write_bytes(b"2")
    (store / ".dgops-parts").mkdir()
    (store / "link").symlink_to("/etc/passwd")
    single = agent_host.base / "inputs" / ("b" * 16)
    single.mkdir()
    (single / "config.toml").write_bytes(b"c")
    inputs = [
        {"path": "photos", "store": "a" * 16},
        {"path": "etc/config.toml", "store": "b" * 16, "file": True},
    ]
    job = agent_host.submit("sh", "-c", "find . -type f | sort; cat photos/deep/two.jpg", inputs=inputs)
    assert agent_host.wait(job)["status"] == "succeeded"
    assert agent_host.log(job) == "./etc/config.toml\n./photos/deep/two.jpg\n./photos/one.jpg\n2"
    assert (agent_host.directory(job) / "work/photos/one.jpg").stat().st_nlink == 2


def test_an_input_that_was_not_uploaded(agent_host):
    seen = agent_host.wait(agent_host.submit("true", inputs=[{"path": "photos", "store": "c" * 16}]))
    assert (seen["status"], seen["first_failure"]) == ("failed", "input photos was not uploaded")


def test_copied_where_links_cannot_be(tmp_path, monkeypatch):
    store = tmp_path / "inputs/store"
    store.mkdir(parents=True)
    (store / "a").write_bytes(b"a")

    def refuse(*_args, **_more):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    beats = []
    wanted = [{"path": "x/y", "store": "store"}]
    assert inputs.link_all(str(tmp_path), str(tmp_path / "work"), wanted, lambda: beats.append(1)) == 1
    assert (tmp_path / "work/x/y/a").read_bytes() == b"a"
    assert beats


def test_one_input_within_another(tmp_path):
    (tmp_path / "inputs/store").mkdir(parents=True)
    wanted = [{"path": "x/y", "store": "store"}, {"path": "x", "store": "store"}]
    with pytest.raises(FileExistsError):
        inputs.link_all(str(tmp_path), str(tmp_path / "work"), wanted, lambda: None)


def test_a_store_that_is_a_link_is_none(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs/store").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="input x was not uploaded"):
        inputs.link_all(str(tmp_path), str(tmp_path / "work"), [{"path": "x", "store": "store"}], lambda: None)
