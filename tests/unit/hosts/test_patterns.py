import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgops.errors import UsageError
from dgops.hosts import patterns

CASES = json.loads((Path(__file__).parents[2] / "cases/hosts/patterns.json").read_text())
HOSTS = ("pod", "pod2", "gadget", "lab")
GROUPS = {"all": HOSTS, "pods": ("pod", "pod2"), "gpu": ("pod", "gadget"), "ungrouped": ("lab",)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["pattern"] or "empty")
def test_cases(case):
    if "error" in case:
        with pytest.raises(UsageError) as caught:
            patterns.select(case["pattern"], HOSTS, GROUPS)
        assert case["error"] in caught.value.message
        assert case.get("hint", "") in caught.value.hint
        assert caught.value.exit_code == 2
    else:
        assert patterns.select(case["pattern"], HOSTS, GROUPS) == case["is"]


PARTS = st.lists(
    st.tuples(st.sampled_from(["", "!", "&"]), st.sampled_from([*HOSTS, *GROUPS, "p*"])), min_size=1, max_size=5
)


@pytest.fixture(scope="module")
def ansible():
    """Ansible's own inventory of the same hosts and groups."""
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader

    manager = InventoryManager(loader=DataLoader(), sources=None)
    for group, members in GROUPS.items():
        manager.add_group(group)
        for host in members:
            manager.add_host(host, group)
    manager.reconcile_inventory()
    return manager


@given(PARTS, st.randoms())
@settings(deadline=None)
def test_as_ansible_reads_it(ansible, parts, random):
    words = ["".join(part) for part in parts]
    shuffled = random.sample(words, len(words))
    expected = {host.name for host in ansible.list_hosts(":".join(words))}
    assert set(chosen(":".join(words))) == set(chosen(",".join(shuffled))) == expected


def chosen(pattern):
    try:
        return patterns.select(pattern, HOSTS, GROUPS)
    except UsageError as error:
        if "leaves no host" in error.message:
            return []
        raise


def test_no_hosts_at_all_says_how_to_get_one():
    with pytest.raises(UsageError, match="there are no hosts yet") as caught:
        patterns.select("pod", (), {})
    assert "dgops hosts add" in caught.value.hint
