"""dgops pod offers and volumes, at a double: what is to be had, why something is not, and what else may be silent."""

import json

import pytest

from dgops.errors import DgopsError, UsageError
from dgops.pods.runpod.client import RunPod


def offers(dgops, *words):
    code, out, _ = dgops("pod", "offers", *words, "--json")
    return code, json.loads(out)["offers"]


def test_each_gpu_with_price_stock_and_what_runs_on_it(dgops):
    code, found = offers(dgops, "--gpu", "RTX 4090")
    assert code == 0
    assert {one["gpu"] for one in found} == {"RTX 4090"}
    assert all(one["profiles"]["cu121"] == {"ok": True, "reason": None} for one in found)
    head, *rows = dgops("pod", "offers", "--gpu", "RTX 4090")[1].splitlines()
    assert head.split()[:4] == ["GPU", "VRAM", "WHERE", "STOCK"]
    assert rows
    assert all(line.startswith("RTX 4090  24 GB") for line in rows)


def test_the_other_cloud_has_other_prices(dgops):
    secure, community = (
        {one["price"] for one in offers(dgops, "--gpu", "RTX 4090", "--cloud", cloud)[1]}
        for cloud in ("secure", "community")
    )
    assert secure
    assert secure != community


def test_a_ceiling_nobody_keeps_to_ends_with_1(dgops):
    code, out, err = dgops("pod", "offers", "--max-price", "0.01")
    assert (code, "nothing of that is to be had now" in err) == (1, True)
    assert "RTX 4090  24 GB" not in out


def test_a_gpu_that_is_none(dgops):
    with pytest.raises(UsageError):
        dgops("pod", "offers", "--gpu", "RTX 9999")


def test_without_spot_prices_the_rest_is_told_all_the_same(dgops, monkeypatch):
    def silent(_self):
        raise DgopsError("GraphQL is not well")

    monkeypatch.setattr(RunPod, "spot_prices", silent)
    code, out, err = dgops("pod", "offers", "--gpu", "RTX 4090", "--json")
    assert (code, err) == (0, "no spot prices: GraphQL is not well\n")
    assert {one["spot_price"] for one in json.loads(out)["offers"]} == {None}


def test_volumes_and_none(double, dgops):
    assert dgops("pod", "volumes")[1:] == ("", "no network volumes\n")
    double.cloud.create_volume({"name": "mod\x1b[2Jels", "size": 20, "dataCenter": "US-KS-2"})
    head, row = dgops("pod", "volumes")[1].splitlines()
    assert head.split() == ["VOLUME", "ID", "SIZE", "WHERE", "KIND"]
    assert row.startswith("mod?[2Jels")
    assert "20 GB" in row
