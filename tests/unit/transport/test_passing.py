import json
from pathlib import Path

from dgops.hosts.host import Host
from dgops.transport.passing import host_from_json, host_to_json, settings_from_json, settings_to_json


def test_there_and_back(settings):
    for host in (
        Host("pod", address="h", port=1, user="u", identity=Path("/k"), groups=("a",), variables={"x": [1]}),
        Host("pod", inventory=Path("/i")),
    ):
        assert host_from_json(json.loads(json.dumps(host_to_json(host)))) == host
    assert settings_from_json(json.loads(json.dumps(settings_to_json(settings)))) == settings
