"""What runs where: cases reviewed by hand, each with the reason; nothing here is computed from the tables."""

import json
from pathlib import Path

import pytest

from dgops.environments import gpus, profiles, trainers, verdict
from dgops.environments.verdict import Place
from dgops.errors import UsageError

CASES = json.loads((Path(__file__).parents[2] / "cases/verdicts.json").read_text())


def judged(gpu, driver, trainer=None, mode="production"):
    releases = trainers.releases(trainer) if trainer else ()
    return verdict.verdict(Place(gpus.find(gpu), driver, mode), releases)


@pytest.mark.parametrize(
    "case", CASES, ids=lambda one: " ".join([one["gpu"], one["driver"], one.get("trainer", "")]).strip()
)
def test_a_reviewed_case(case):
    found = judged(case["gpu"], case["driver"], case.get("trainer"))
    assert {one.profile for one in found if one.ok} == set(case["works"]), case["because"]
    assert verdict.recommended(found) == case["recommended"], case["because"]
    reasons = {one.profile: one.reason for one in found}
    for profile, words in case["says"].items():
        assert words in reasons[profile]


def test_every_answer_has_a_reason_and_a_source():
    for gpu in gpus.load():
        for one in judged(gpu, "550.54.15", "sd-scripts"):
            assert one.reason
            assert one.source
            assert len(one.reason) < 120


def test_an_older_release_is_named_with_what_the_newer_one_asks_for():
    (found,) = (one for one in judged("RTX 4090", "550.54", "sd-scripts") if one.profile == "cu121")
    assert found.ok
    assert "v0.9.1 (SDXL only, without FLUX.1); v0.10.1 asks for torch 2.6.0 or newer" in found.reason


def test_kernels_made_at_run_time_may_need_a_newer_driver():
    found = {one.profile: one.reason for one in judged("RTX 4090", "550.54")}
    assert "may need 570" in found["cu128"]
    assert "may need" not in found["cu124"]


def test_the_cpu_works_in_fast_test_mode_only():
    found = {one.profile: one.ok for one in judged("RTX 3090", "550.54", mode="fast-test")}
    assert found["cpu"]
    assert verdict.recommended(judged("RTX 3090", "520.61")) is None
    nowhere = verdict.verdict(Place(None, "", "fast-test"))
    assert [one.profile for one in nowhere if one.ok] == ["cpu"]


def test_on_several_gpus_all_must_work():
    found = verdict.together([judged("RTX 4090", "580.65"), judged("RTX 5090", "580.65")])
    assert {one.profile for one in found if one.ok} == {"cu128", "cu130"}


@pytest.mark.parametrize("driver", ["", "abc", "12", "550.54.15; reboot", "5501.1.1.1.1"])
def test_no_version_of_a_driver(driver):
    with pytest.raises(UsageError, match="no version of an NVIDIA driver"):
        verdict.branch(driver)


def test_a_refusal_names_what_would_work():
    found = verdict.refusal("cu121", [("NVIDIA GeForce RTX 5090", "580.65.06")])
    assert found.message.startswith(
        "profile cu121 cannot work on NVIDIA GeForce RTX 5090 with driver 580.65.06: no code"
    )
    assert "set dgops_profile: cu128 for this host" in found.hint
    assert found.exit_code == 1


def test_a_refusal_where_nothing_would_work():
    found = verdict.refusal("cu128", [("NVIDIA GeForce RTX 5090", "550.54")])
    assert "needs 570 or newer" in found.message
    assert "no profile works there" in found.hint


@pytest.mark.parametrize(
    ("profile", "seen", "mode"),
    [
        ("cu121", [("NVIDIA GeForce RTX 3090", "535.1")], "production"),
        ("cu121", [], "production"),
        ("cu121", [("NVIDIA Some New Thing", "590.1")], "production"),
        ("cu121", [("NVIDIA GeForce RTX 3090", "?")], "production"),
        ("cpu", [("NVIDIA GeForce RTX 3090", "535.1")], "fast-test"),
    ],
)
def test_no_refusal(profile, seen, mode):
    assert verdict.refusal(profile, seen, mode) is None


@pytest.mark.parametrize(
    ("profile", "seen"),
    [
        ("cu130", [("NVIDIA Some New Thing", "570.1")]),
        ("cu124", [("NVIDIA GeForce RTX 3090", "550.1"), ("NVIDIA GeForce RTX 5090", "580.1")]),
        ("cpu", [("NVIDIA Some New Thing", "590.1")]),
        ("cpu", [("NVIDIA GeForce RTX 3090", "550.1")]),
    ],
)
def test_refused(profile, seen):
    assert verdict.refusal(profile, seen) is not None


def test_every_profile_is_judged_once():
    assert [one.profile for one in judged("RTX 3090", "550")] == [one.name for one in profiles.load()]
