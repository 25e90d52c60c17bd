"""Which names and values can be secrets, where they come from, and who gets them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.errors import ConfigError, UsageError
from dgops.hosts import keyring_store, secrets
from dgops.hosts.host import Host

NAMES = ["HF_TOKEN", "RUNPOD_API_KEY", "GIT_TOKEN", "UV_PUBLISH_TOKEN", "LDAP_PASSWORD", "my_key", "_X", "PATHS"]
NO_NAMES = ["", "A B", "1A", "A-B", "A=x", "Ä", "A\n", "A" * 101]
STEERING = [
    *("PATH", "HOME", "LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONSTARTUP", "BASH_ENV", "IFS", "GIT_SSH"),
    *("GIT_CONFIG_COUNT", "DGOPS_STATE", "ANSIBLE_CONFIG", "http_proxy", "HTTPS_PROXY", "PIP_INDEX_URL", "TMPDIR"),
]


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    assert secrets.name_fault(name) == ""


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_name(name):
    assert "is no name" in secrets.name_fault(name)


@pytest.mark.parametrize("name", STEERING)
def test_names_that_steer_programs(name):
    assert "means something else" in secrets.name_fault(name)


@pytest.mark.parametrize("value", ["hf_abc", "a b c d", "-----BEGIN\r\n\tx\n", "€€", "x" * 65536])
def test_values(value):
    assert secrets.value_fault(value) == ""


@pytest.mark.parametrize("value", ["", "short", "abc\0def", "abc\x1bdef", "\ud800bcdef", "x" * 65537])
def test_what_is_no_value(value):
    assert secrets.value_fault(value)


@given(st.text())
@settings(derandomize=True)
def test_no_fault_shows_the_value(value):
    assert len(value) < 6 or value not in secrets.value_fault(value)


@pytest.mark.parametrize("value", ["HF_TOKEN", {"HF_TOKEN": "x"}, ["PATH", "A B", 3], [["HF_TOKEN"]], "{{ tokens }}"])
def test_a_wrong_wish(value):
    assert secrets.wish_faults(value)
    with pytest.raises(ConfigError, match="pod: dgops_secrets: "):
        secrets.wanted(Host("pod", variables={"dgops_secrets": value}))


def test_every_mistake_in_a_wish_is_named():
    assert len(secrets.wish_faults(["PATH", "HF_TOKEN", "A B", 3])) == 3


def test_wanted():
    assert secrets.wanted(Host("pod")) == ()
    assert secrets.wanted(Host("pod", variables={"dgops_secrets": ["B_KEY", "A_KEY", "B_KEY"]})) == ("B_KEY", "A_KEY")


def test_the_keyring_comes_first(keyring, monkeypatch):
    monkeypatch.setenv("A_TOKEN", "environment's")
    monkeypatch.setenv("B_TOKEN", "environment's")
    keyring_store.keep("A_TOKEN", "keyring's")
    assert secrets.load(["A_TOKEN", "B_TOKEN"]) == {"A_TOKEN": "keyring's", "B_TOKEN": "environment's"}


def test_the_environment_does_without_a_keyring(no_keyring, monkeypatch):
    monkeypatch.setenv("A_TOKEN", "environment's")
    assert secrets.load(["A_TOKEN"]) == {"A_TOKEN": "environment's"}
    assert secrets.load([]) == {}


def test_a_keyring_that_fails_is_named_only_where_it_matters(keyring, monkeypatch):
    keyring("locked")
    monkeypatch.setenv("A_TOKEN", "environment's")
    assert secrets.load(["A_TOKEN"]) == {"A_TOKEN": "environment's"}
    with pytest.raises(UsageError, match="B_TOKEN is not in the environment, and the keyring failed: KeyringLocked"):
        secrets.load(["A_TOKEN", "B_TOKEN"])


def test_every_missing_one_is_named(keyring, monkeypatch):
    monkeypatch.setenv("B_TOKEN", "")
    with pytest.raises(UsageError) as found:
        secrets.load(["A_TOKEN", "B_TOKEN"])
    assert found.value.message == ("2 secrets are neither in the keyring nor in the environment:\n  A_TOKEN\n  B_TOKEN")
    assert found.value.hint == "dgops secrets set A_TOKEN"


def test_what_no_secret_could_be_is_named_without_its_value(no_keyring, monkeypatch):
    monkeypatch.setenv("A_TOKEN", "abc\x01defgh")
    with pytest.raises(UsageError, match="A_TOKEN holds a control character") as found:
        secrets.load(["A_TOKEN"])
    assert "defgh" not in str(found.value) + found.value.hint
    with pytest.raises(UsageError, match="PATH means something else"):
        secrets.load(["PATH"])


def test_each_host_gets_its_own(no_keyring, monkeypatch):
    monkeypatch.setenv("A_TOKEN", "for both")
    monkeypatch.setenv("B_TOKEN", "for one")
    hosts = [Host("a", variables={"dgops_secrets": ["A_TOKEN"]}), Host("none")]
    hosts.append(Host("b", variables={"dgops_secrets": ["A_TOKEN", "B_TOKEN"]}))
    assert secrets.for_hosts(hosts) == {
        "a": {"A_TOKEN": "for both"},
        "none": {},
        "b": {"A_TOKEN": "for both", "B_TOKEN": "for one"},
    }
    monkeypatch.delenv("B_TOKEN")
    with pytest.raises(UsageError, match=r"^B_TOKEN, wanted by b, is not in the environment, and there is no keyring"):
        secrets.for_hosts(hosts)
    monkeypatch.delenv("A_TOKEN")
    with pytest.raises(UsageError, match="2 secrets are not in the environment") as found:
        secrets.for_hosts(hosts)
    assert found.value.message.splitlines()[1:] == ["  A_TOKEN, wanted by a, b", "  B_TOKEN, wanted by b"]
    assert "export A_TOKEN=…" in found.value.hint


def test_the_list(keyring, monkeypatch):
    keyring_store.keep("MY_KEY", "in the keyring")
    monkeypatch.setenv("HF_TOKEN", "in the environment")
    hosts = [Host("pod", variables={"dgops_secrets": ["HF_TOKEN", "WANTED_KEY"]}), Host("x")]
    found, trouble = secrets.listed(hosts)
    assert [(one.name, one.source, one.wanted_by) for one in found] == [
        ("HF_TOKEN", "environment", ("pod",)),
        ("MY_KEY", "keyring", ()),
        ("WANTED_KEY", "missing", ("pod",)),
    ]
    assert trouble == ""
    keyring("locked")
    found, trouble = secrets.listed(hosts)
    assert "KeyringLocked" in trouble
    assert [one.source for one in found] == ["environment", "missing", "missing"]
