"""From photographs to a LoRA: which step is done, which comes next, and what is said of the one that failed."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from dgops import settings as settings_room
from dgops.errors import ConfigError, UnreachableError
from dgops.files import digest_bytes, write_json
from dgops.flows import go as room
from dgops.flows.go import Look, Ran, Step
from dgops.training import card

GATHER = '[gather.amira]\nsource = "photos"\ntrigger = "amiranoor"\ncrop = "none"\n'


class Work:
    """Steps on paper: what each lacks, and what working on it comes to."""

    def __init__(self, **ends):
        self.lacks = dict.fromkeys(ends, "nothing is there")
        self.ends, self.worked, self.began, self.told = ends, [], [], []

    def step(self, name):
        return Step(name, lambda: Look(self.lacks[name], Path(name)), lambda: self._work(name))

    def _work(self, name):
        self.worked.append(name)
        end = self.ends[name]
        if isinstance(end, Exception):
            raise end
        code, left = end
        self.lacks[name] = left
        return code

    def go(self):
        steps = [self.step(name) for name in self.ends]
        return room.go(steps, lambda *known: self.began.append(known), self.told.append)


def test_each_step_once_and_then_never_again():
    work = Work(gather=(0, ""), train=(0, ""))
    assert work.go() == work.told == [Ran("gather", "done", "gather"), Ran("train", "done", "train")]
    assert work.began == [("gather", "nothing is there"), ("train", "nothing is there")]
    assert work.go() == [Ran("gather", "held", "gather"), Ran("train", "held", "train")]
    assert work.worked == ["gather", "train"]


@pytest.mark.parametrize(
    ("end", "ran"),
    [
        ((3, "no set there yet"), Ran("gather", "failed", "no set there yet", 3)),
        ((1, ""), Ran("gather", "failed", "exit 1", 1)),
        ((0, "photographs: 1 new"), Ran("gather", "failed", "photographs: 1 new", 1)),
        (
            UnreachableError("pod: no answer", "dgops hosts list"),
            Ran("gather", "failed", "pod: no answer", 3, "dgops hosts list"),
        ),
    ],
)
def test_a_step_that_is_not_done_ends_it(end, ran):
    work = Work(gather=end, train=(0, ""))
    assert work.go() == [ran]
    assert work.worked == ["gather"]


@pytest.fixture
def project(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "dgops.toml").write_text(GATHER)
    (tmp_path / "amira.yml").write_text("kind: train\ntrainer: tiny\n")
    return tmp_path


@pytest.fixture
def asked(project):
    def ask(start=None):
        return room.asked(settings_room.load(start or project), "amira")

    return ask


def test_paths_are_short_where_we_stand_and_the_projects_elsewhere(asked, project, monkeypatch):
    found = asked()
    assert (found.options.root, found.recipe, found.models) == (
        Path("outputs/amira"),
        Path("amira.yml"),
        Path("models"),
    )
    monkeypatch.chdir(project / "photos")
    found = asked(project / "photos")
    assert (found.options.root, found.models) == (project / "outputs/amira", project / "models")


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (None, "amira.yml: the recipe of the set amira is not there: dgops recipes new amira"),
        ("kind: train\ntrainer: tiny\nrank: 4\nstepz: 3\n", "amira.yml:4: stepz"),
    ],
)
def test_what_is_wrong_with_the_recipe_and_with_the_set_is_told_at_once(asked, project, recipe, words):
    (project / "dgops.toml").write_text(GATHER + "target = 0\n")
    (project / "amira.yml").unlink()
    if recipe:
        (project / "amira.yml").write_text(recipe)
    with pytest.raises(ConfigError) as caught:
        asked()
    assert words in caught.value.message
    assert "gather.amira: target: 0" in caught.value.message


def test_a_recipe_of_another_set_is_refused_and_one_of_this_set_is_not(asked, project):
    (project / "amira.yml").write_text("kind: train\ntrainer: tiny\ndataset: outputs/amira\n")
    assert asked().recipe == Path("amira.yml")
    (project / "amira.yml").write_text("kind: train\ntrainer: tiny\ndataset: outputs/other\n")
    with pytest.raises(ConfigError, match=r"amira.yml: dataset: .*other is another set than outputs/amira"):
        asked()


def test_a_lora_is_the_one_of_its_card(asked, project):
    published = project / "outputs/amira/06_publish"
    for side in ("256", "1024"):
        (published / side).mkdir(parents=True)
        (published / side / "a.png").write_bytes(b"picture")
        (published / side / "a.txt").write_text("amiranoor")
    (published / "trigger_word.txt").write_text("amiranoor")
    found = asked()
    run = found.trained().result
    assert found.trained() == Look("no LoRA yet of this set by this recipe", run)
    write_json(run / card.NAME, {"training": {"file": "amira.safetensors", "sha256": digest_bytes(b"lora")}})
    lora = run / "amira.safetensors"
    assert found.trained() == Look(f"{lora} is gone", lora)
    lora.write_bytes(b"other")
    assert found.trained() == Look(f"{lora} is not the one of its card", lora)
    lora.write_bytes(b"lora")
    assert found.trained() == Look("", lora)
    # Another caption is another set, and another recipe another training.
    (published / "256/a.txt").write_text("amiranoor, smiling")
    assert found.trained().lacks == "no LoRA yet of this set by this recipe"


def test_the_set_is_read_once_for_all_that_is_asked_of_it(asked, monkeypatch):
    reads = []
    monkeypatch.setattr(room.Asked, "ready", lambda self: reads.append(self) or SimpleNamespace(recipe=1, dataset=2))
    monkeypatch.setattr(room, "run_name", lambda *_: "amira-0")
    write_json(Path("models/amira-0") / card.NAME, {"training": {"file": "a", "sha256": digest_bytes(b"lora")}})
    Path("models/amira-0/a").write_bytes(b"lora")
    found = asked()
    step = Step("train", found.trained, lambda: pytest.fail("it trained again"))
    assert room.go([step], lambda *_: None, lambda _: None) == [Ran("train", "held", "models/amira-0/a")]
    assert len(reads) == 1
