from pathlib import Path

from dgops.sandbox.containers import firewall

RULES = (Path(__file__).parents[3] / "cases/sandbox/rules.txt").read_text()
CONTAINER = "9e55fd3d68e6499dd0cf12395916261f54cc0bc8ec9abbd3e90da8f9846acbc0"


def test_only_the_network_helpers_chains_are_ours():
    assert "DOCKER" not in firewall.chains(RULES)
    assert "NETAVARK-HOSTPORT-DNAT" in firewall.chains(RULES)


def test_ports_of_the_living_and_of_other_networks_stay():
    assert firewall.dead_chains(RULES, "dgops-0a0a0a0a", [CONTAINER]) == []
    assert firewall.dead_chains(RULES, "dgops-0a0a0a0a", []) == ["NETAVARK-DN-1D8721804F16F"]
    assert firewall.dead_chains(RULES, "dgops-bbbbbbbb", []) == []


def test_a_subnets_rules_are_found_and_nobody_elses():
    rules = firewall.subnet_rules(RULES, "10.89.0.0/24")
    assert [rule[-1] for rule in rules] == ["NETAVARK-1D8721804F16F", "ACCEPT"]
    assert firewall.subnet_chains(RULES, "10.89.0.0/24") == {"NETAVARK-1D8721804F16F"}
