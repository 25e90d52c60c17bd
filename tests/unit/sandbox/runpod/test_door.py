"""The door on the bridge: who may come in, and that it opens where it was."""

import http.client

import pytest

from dgops.sandbox.runpod.door import Door


@pytest.fixture
def door(double, tmp_path):
    made = Door(double.server, tmp_path / "door.json")
    yield made
    if made._inside:
        made._inside.shutdown()
        made._inside.server_close()


def status(address, port, source):
    """Ask at an address from another one; None where nobody answers."""
    link = http.client.HTTPConnection(address, port, timeout=5, source_address=(source, 0))
    try:
        link.request("GET", "/v2/pods")
        return link.getresponse().status
    except (ConnectionError, http.client.HTTPException):
        return None
    finally:
        link.close()


def test_its_own_subnet_comes_in_and_nobody_else(double, door):
    port = double.server.server_address[1]
    door.open("127.0.7.1", "127.0.7.0/24")
    assert status("127.0.7.1", port, "127.0.7.9") == 401
    assert status("127.0.7.1", port, "127.0.8.9") is None


def test_what_pods_are_told(double, door):
    port = double.server.server_address[1]
    assert door.inward(f"{double.url}/", "10.89.1.1") == f"http://10.89.1.1:{port}"
    assert door.inward("https://api.runpod.io", "10.89.1.1") == "https://api.runpod.io"


def test_it_opens_again_where_it_was(double, door, tmp_path):
    port = double.server.server_address[1]
    door.open_again()
    assert door._inside is None
    (tmp_path / "door.json").write_text('{"gateway": "127.0.7.1", "subnet": "127.0.7.0/24"}')
    door.open_again()
    door.open("127.0.7.2", "127.0.7.0/24")
    assert status("127.0.7.1", port, "127.0.7.9") == 401


def test_a_bridge_that_is_gone_is_no_error(double, door, tmp_path):
    # An address of a network for documentation: it is nobody's here.
    (tmp_path / "door.json").write_text('{"gateway": "192.0.2.1", "subnet": "192.0.2.0/24"}')
    door.open_again()
    assert door._inside is None
