"""What recipes ask of a pod."""

import pytest

from dgops.errors import ConfigError
from dgops.flows import pod_needs as room
from dgops.training import prepare

SCRIPT = "kind: script\ncommand: [a]\n"


@pytest.mark.parametrize(
    ("text", "profile", "count", "words"),
    [
        (SCRIPT, "", 1, ""),
        (f"{SCRIPT}environment: cu124\ngpus: 2\n", "cu124", 2, "cu124, 2 GPUs"),
        (f"{SCRIPT}gpus: id:0,3\n", "", 4, "4 GPUs"),
    ],
)
def test_a_script_says_it(tmp_path, text, profile, count, words):
    (tmp_path / "s.yml").write_text(text)
    found = room.of(tmp_path / "s.yml")
    assert (found.needs.profile, found.gpu_count, found.words) == (profile, count, words)


@pytest.mark.parametrize(
    ("name", "profile", "least"),
    [("tiny", "", 0), ("sdxl", "cu121", 0), ("flux-ai-toolkit", "cu126", 24), ("qwen-image", "cu121", 42)],
)
def test_of_a_training_the_trainer_does(name, profile, least):
    found = room.of(prepare.find(name)).needs
    assert (found.profile, found.vram_gib, bool(found.releases)) == (profile, least, bool(profile))


@pytest.mark.parametrize(("name", "count"), [("tiny", 0), ("flux", 0), ("wan2.1", 2), ("z-image", 3)])
def test_files_that_are_fetched_from_nowhere(name, count):
    assert len(room.of(prepare.find(name)).needs.files) == count


def test_mistakes_are_told(tmp_path):
    (tmp_path / "s.yml").write_text("kind: script\nenvironment: cu999\n")
    with pytest.raises(ConfigError) as caught:
        room.of(tmp_path / "s.yml")
    assert len(caught.value.problems) == 2
