import pytest

from dgops import settings
from dgops.errors import ConfigError
from dgops.sandbox import records
from dgops.sandbox.layout import layout_of
from dgops.sandbox.spec import HostSpec


@pytest.fixture
def layout(tmp_path):
    (tmp_path / "dgops.toml").write_text("")
    return layout_of(settings.load(tmp_path))


def test_a_host_is_remembered_whole(layout):
    record = records.Record(HostSpec("pod", "wsl", "trixie", "64m", {"/home": "8m"}), "abc", 7, ("SHA256:x",))
    records.save(layout, record)
    assert records.load(layout, "pod") == record
    assert records.load_all(layout) == [record]
    records.forget(layout, "pod")
    records.forget(layout, "pod")
    assert records.load(layout, "pod") is None


def test_a_new_start_forgets_the_old_keys():
    assert records.Record(HostSpec("pod"), "abc", 7, ("SHA256:x",)).with_port(8).fingerprints == ()


def test_a_damaged_record_names_its_file(layout):
    layout.records.mkdir(parents=True)
    (layout.records / "pod.json").write_text('{"spec": {}}')
    with pytest.raises(ConfigError, match=r"pod\.json: not a sandbox host"):
        records.load_all(layout)


def test_two_state_folders_are_two_sandboxes(tmp_path, monkeypatch, layout):
    monkeypatch.setenv("DGOPS_STATE", str(tmp_path / "other"))
    other = layout_of(settings.load(tmp_path))
    assert other.identity != layout.identity
    assert other.container("pod") != layout.container("pod")
