"""The double's GraphQL: what it takes, what it says no to, and that it answers what was asked for only."""

import pytest

from dgops.pods.models import PodRequest
from dgops.pods.runpod import graphql as client
from dgops.sandbox.runpod import graphql, selection

RENT = {"imageName": "x", "gpuTypeId": "NVIDIA L40S", "bidPerGpu": 0.5, "name": "a"}


def ask(double, query, **variables):
    status, answer, headers = double.ask("POST", "/graphql", {"query": query, "variables": variables})
    assert (status, bool(headers["RateLimit"])) == (200, True)
    return answer


def test_what_was_asked_for_and_no_more(double):
    answer = ask(double, 'query { gpuTypes(input: {id: "NVIDIA L40S"}) { id name: displayName } }')
    assert answer == {"data": {"gpuTypes": [{"id": "NVIDIA L40S", "name": "L40S"}]}}
    assert ask(double, "{ myself { clientBalance } }") == {"data": {"myself": {"clientBalance": 100.0}}}
    least = ask(double, client.PRICES, gpuCount=1)["data"]["gpuTypes"]
    assert {"id": "NVIDIA B200", "secure": {"minimumBidPrice": 2.99}, "community": {"minimumBidPrice": None}} in least


def test_a_pod_at_a_bid(double):
    rented = ask(double, client.RENT, input=RENT)["data"]["podRentInterruptable"]
    pod = double.cloud.pods[rented["id"]]
    assert (pod.bid, pod.price, pod.body["name"]) == (0.5, 0.5, "a")
    assert double.cloud.ledger()["billing"] == [pod.id]


@pytest.mark.parametrize(
    ("query", "variables", "words"),
    [
        ("query {", {}, "Expected more"),
        ("subscription { a }", {}, "Unexpected Name"),
        ("query { pods { id } }", {}, 'Cannot query field "pods"'),
        ("query { myself { colour } }", {}, 'Cannot query field "colour"'),
        ("query { myself }", {}, "must have a selection"),
        ("query { myself { id { a } } }", {}, "must not have a selection"),
        ("query { gpuTypes(input: $a) { id } }", {}, '"[$]a" is not defined'),
        (client.RENT, {}, "was not provided"),
        (client.RENT, {"input": {**RENT, "dockerColour": "red"}}, "unexpected property"),
        (client.RENT, {"input": {**RENT, "bidPerGpu": "0.5"}}, "is no amount"),
        (client.RENT, {"input": {**RENT, "bidPerGpu": 0.001}}, "under the minimum"),
        (client.RENT, {"input": {**RENT, "gpuTypeId": "NONE"}}, "not found"),
        ("{ a } { b }", {}, "Cannot query|one operation"),
        ("`", {}, "Unexpected character"),
    ],
)
def test_no_comes_with_200(double, query, variables, words):
    import re

    answer = ask(double, query, **variables)
    assert re.search(words, answer["errors"][0]["message"]), answer
    assert not double.cloud.pods


def test_it_needs_a_key_and_a_query(double):
    assert double.ask("POST", "/graphql", {"query": client.MYSELF}, key="")[0] == 401
    assert "errors" in double.ask("POST", "/graphql", {})[1]


def test_what_the_client_sends_is_taken():
    whole = PodRequest(
        "a", "x", "g", env={"A": "1"}, data_centers=("us-ks-2",), volume_id="v", min_cuda="12.1", bid=1.0
    )
    for request in (PodRequest("a", "x", "g", bid=1.0), whole, PodRequest("a", "x", "g", volume_gb=10, bid=1.0)):
        assert graphql._RENTAL("input", client.rental(request)) == []
    for document, variables in ((client.PRICES, {"gpuCount": 1}), (client.RENT, {"input": {}}), (client.MYSELF, {})):
        assert selection.read(document, variables)[1]
