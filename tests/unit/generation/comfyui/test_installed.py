"""Where ComfyUI is, by the contract."""

import pytest

from dgops.errors import UsageError
from dgops.generation.comfyui.installed import installed
from dgops.health import contract as contracts
from dgops.health.contract import Contract


def test_it_is_where_the_contract_says(place):
    found = installed(place.host, place.settings)
    assert (found.port, found.nodes, found.mode) == (place.port, ("KSampler",), "fast-test")


def test_a_host_without_it_says_how_to_ask_for_it(place):
    kept = Contract("here", (), {}, "fast-test", "a1", "now", "me", "/workspace", "")
    contracts.save(kept, place.settings.state)
    with pytest.raises(UsageError, match="here has no ComfyUI") as caught:
        installed(place.host, place.settings)
    assert "dgops_apps: [comfyui]" in caught.value.hint
    place.wants("KSampler")
