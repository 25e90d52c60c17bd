"""What hosts say of their apps, read without believing it."""

import json

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dgops import settings as settings_room
from dgops.errors import DgopsError, RemoteError
from dgops.health import contract as contracts
from dgops.health.check import Check
from dgops.health.contract import Contract
from dgops.hosts.host import Host
from dgops.repos import apps
from dgops.repos.apps import App

PIN, TIP = "a" * 40, "b" * 40
WANTED = {"path": "/home/seanf/apps/musubi-tuner", "remote": "https://forge/m.git", "commit": PIN}
APP = App("musubi_tuner", *WANTED.values())


def host(**answer):
    settings = settings_room.load()
    check = Check("musubi_tuner", "it is at its commit", "state", "clone", WANTED)
    contracts.save(Contract("pod", (check,), {}, "fast-test", "a1", "now", "me", "/w", ""), settings.state)
    row = {"argv": ["sh"], "stdout": json.dumps(answer)}
    return Host("pod", "fake", variables={"dgops_fake_answers": [row]}), settings


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({"exists": True, "commit": PIN, "named": "v0.3.4", "files": ["a"], "total": 1, "commits": 0}, "pinned"),
        ({"exists": True, "commit": TIP, "named": "", "files": [], "total": 0, "commits": 2}, "moved"),
        ({"exists": False}, "absent"),
        ({"error": "git status: fatal: detected dubious ownership"}, "error"),
    ],
)
def test_standings(row, state):
    (found,) = apps.standings(*host(clones=[row]))
    assert (found.state, found.app.name, found.to_json()["pin"]) == (state, "musubi-tuner", PIN)
    assert found.to_json()["edits"] == row.get("total", 0)


def test_upstreams():
    tags = {"v0.3.4": PIN, "v0.3.10": TIP, "v0.3.9": "c" * 40}
    row = {"branch": "main", "tip": TIP, "newer": 3, "gone": False, "tags": tags}
    (found,) = apps.upstreams(*host(clones=[row]))
    assert (found.newer, found.release, found.release_commit) == (3, "v0.3.10", TIP)
    (silent,) = apps.upstreams(*host(clones=[{"error": "git ls-remote: fatal: no route"}]))
    assert silent.to_json()["error"] == "git ls-remote: fatal: no route"


@pytest.mark.parametrize("tags", [["v1.9", "v1.10"], ["v0.3.0-rc1", "v0.3.0"], ["0.9", "v0.10.1"], ["v2b1", "v2"]])
def test_releases_stand_in_their_order(tags):
    assert max(tags, key=apps.version) == tags[-1]


def test_a_host_that_refuses_or_raves():
    with pytest.raises(DgopsError, match="pod: there is no user seanf"):
        apps.standings(*host(refused="there is no user seanf", hint="x"))
    for answer in ({"clones": 7}, {"clones": []}, {"clones": [7]}, {}):
        with pytest.raises(RemoteError, match="described its apps with something else"):
            apps.standings(*host(**answer))


# A busy machine takes its time to draw texts.
@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["exists", "commit", "named", "files", "total", "commits", "tags", "newer", "tip", "gone"]),
        st.none() | st.integers() | st.text() | st.lists(st.integers()) | st.dictionaries(st.text(), st.text()),
    )
)
def test_no_row_breaks_the_reading(row):
    assert apps._standing(APP, row).state in ("pinned", "moved", "absent")
    assert apps._upstream(APP, row).app is APP


def test_where_nobody_asked_for_apps_there_are_none():
    settings = settings_room.load()
    contracts.save(Contract("bare", (), {}, "fast-test", "a1", "now", "me", "/w", ""), settings.state)
    assert apps.standings(Host("bare", "fake"), settings) == ()
