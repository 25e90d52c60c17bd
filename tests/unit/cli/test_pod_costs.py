"""dgops pod costs: what pods have cost, those that are gone too, and how long the money lasts."""

import json


def test_pods_that_are_gone_have_cost_as_well(double, dgops):
    one, two = double.rent(name="dgops-one"), double.rent(name="dgops-two")
    dgops("pod", "terminate", two)
    code, out, _ = dgops("pod", "costs", "--json")
    found = json.loads(out)
    assert (code, found["ok"]) == (0, True)
    assert {one["pod_id"] for one in found["pods"]} == {one, two}
    assert found["total"] == sum(one["total"] for one in found["pods"])


def test_how_long_it_lasts_is_said_only_where_something_is_billed(double, dgops):
    double.cloud.balance = 6.9
    assert dgops("pod", "costs")[1].splitlines()[-1] == "6.90 $ left, 0.00 $ an hour"
    double.rent(name="dgops-one")
    last = dgops("pod", "costs")[1].splitlines()[-1]
    assert last.startswith("6.9")
    assert last.endswith("0.69 $ an hour, for 10.0 hours")
