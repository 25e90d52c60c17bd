"""What a host's keys are pinned under."""

from dgops.hosts.host import Host


def test_alias():
    assert Host("gadget", address="203.0.113.7").alias == "dgops-gadget"
    assert Host("gadget", address="203.0.113.7", variables={"runpod_id": "abc"}).alias == "runpod-abc"
