"""Recipes of trainings: every mistake at once, presets overridden, nothing guessed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgops.errors import ConfigError
from dgops.training import capabilities, prepare, presets, recipe, trainer

BAD = """\
kind: train
trainer: tiny
preset: Slow
network: dora
rank: x
steps: 3
epochs: 4
foo: 1
optimizer: lion
models: [1]
samples: {prompt: x}
"""


def test_every_mistake_at_once():
    with pytest.raises(ConfigError) as caught:
        recipe.parse(BAD, Path("/r/bad.yml"))
    found = caught.value.problems
    for words in (
        ":8: foo: unknown key",
        ":4: network: dora is not supported",
        ":3: preset: 'slow'",
        ":5: rank: 'x'",
        ":7: epochs: given beside steps",
        ":10: models: is no mapping",
        ":11: samples: unknown key prompt",
        ":9: optimizer: tiny has no 'lion'",
    ):
        assert any(one.startswith(f"/r/bad.yml{words}") for one in found), (words, found)


def test_a_preset_and_what_overrides_it():
    found = recipe.parse("kind: train\ntrainer: tiny\npreset: Quick\nepochs: 3\nrank: 4\n", Path("/r/a.yml"))
    assert (found.parameters.steps, found.parameters.epochs, found.parameters.rank) == (0, 3, 4)
    assert found.samples.every == found.parameters.save_every == 10
    named = recipe.with_trigger(found, "amira")
    assert (named.trigger, named.samples.prompts) == ("amira", ("amira",))


def test_every_recipe_that_is_carried_is_whole():
    assert "tiny" in prepare.names()
    for name in prepare.names():
        assert recipe.load(prepare.find(name)).name == name


def test_every_architecture_has_every_preset():
    for name in trainer.TRAINERS:
        for one in trainer.get(name).architectures:
            assert set(presets.PRESETS[one]) == set(presets.NAMES)


def test_what_can_be_trained():
    assert not capabilities.complaint("lora")
    assert "not supported" in capabilities.complaint("dora")
    assert "not supported" in capabilities.complaint("full-fine-tune")
    assert "no kind" in capabilities.complaint("magic")


@given(st.text(max_size=200))
def test_rubbish_is_a_configuration_error(text):
    with pytest.raises(ConfigError):
        recipe.parse(text, Path("/r/a.yml"))
