"""What REST lacks: spot pods, their prices and the balance, and refusals that come with HTTP 200."""

import pytest

from dgops.errors import AccessError, CapacityError, ProviderError, UnreachableError
from dgops.pods.models import Balance, PodRequest, SpotPrice
from dgops.pods.runpod import graphql as room
from dgops.pods.runpod.graphql import GraphQL

CARD = "NVIDIA GeForce RTX 4090"
WISH = PodRequest("dgops-a", "x", CARD, env={"A": 'say "hi"\n$x'}, volume_gb=10, min_cuda="12.1", bid=0.4)


def test_a_pod_at_a_bid(double, provider):
    pod = provider.create(WISH)
    asked = double.cloud.pods[pod.id].body
    assert (asked["env"], asked["mounts"]["persistent"]["size"]) == ({"A": 'say "hi"\n$x'}, 10)
    assert (pod.name, pod.gpu, pod.cost) == ("dgops-a", CARD, 0.4)


def test_what_is_asked_for():
    tied = PodRequest("dgops-a", "x", CARD, data_centers=("us-ks-2",), volume_id="v", min_cuda="12.8", bid=1.0)
    wanted = room.rental(tied)
    assert (wanted["dataCenterId"], wanted["networkVolumeId"]) == ("US-KS-2", "v")
    assert wanted["allowedCudaVersions"] == ["12.8", "12.9", "13.0"]
    assert "dockerArgs" not in wanted


def test_a_bid_that_is_too_low(double, provider):
    with pytest.raises(ProviderError, match="under the minimum") as caught:
        provider.create(PodRequest("dgops-a", "x", CARD, bid=0.01))
    assert (caught.value.status, double.cloud.pods) == (400, {})


def test_nothing_left_and_no_money(double, provider):
    double.cloud.faults.set({"no_capacity": 1})
    with pytest.raises(CapacityError):
        provider.create(WISH)
    double.cloud.set_balance(0)
    with pytest.raises(ProviderError) as caught:
        provider.create(WISH)
    assert caught.value.status == 402


def test_prices_and_balance(double, provider):
    assert provider.spot_prices()[CARD] == SpotPrice(0.345, 0.17)
    double.rent()
    assert provider.balance() == Balance(100.0, 0.69)


class Canned:
    """A session that gives one answer."""

    def __init__(self, answer):
        self.answer = answer

    def call(self, *_words, **_more):
        return self.answer


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"errors": [{"message": "Unauthorized"}]}, AccessError),
        ({"errors": ["what"]}, ProviderError),
        ({"data": {"podRentInterruptable": None}}, CapacityError),
        ({"data": {"podRentInterruptable": {}}}, UnreachableError),
        ({"data": {}}, UnreachableError),
        ({"data": None}, UnreachableError),
        ([], UnreachableError),
        (None, UnreachableError),
    ],
)
def test_what_is_no_pod(answer, kind):
    with pytest.raises(kind):
        GraphQL(Canned(answer), "/graphql").rent(WISH)


@pytest.mark.parametrize("answer", [{"data": {"myself": {}}}, {"data": {"myself": {"clientBalance": "much"}}}])
def test_what_is_no_balance(answer):
    with pytest.raises(UnreachableError):
        GraphQL(Canned(answer), "/graphql").balance()
