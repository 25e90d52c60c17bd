"""The sets of a project: what a table becomes, and every mistake at once with file and key."""

from pathlib import Path

import pytest

from dgops import settings
from dgops.dataset import project
from dgops.dataset.options import Options
from dgops.errors import ConfigError, UsageError

WHOLE = '[gather.amira]\nsource = "photos"\ntrigger = "amiranoor"\ncrop = "face"\n'
SECOND = '[gather.style]\nsource = "paintings"\ntrigger = "brush"\ncrop = "none"\n'


@pytest.fixture
def asked(tmp_path):
    """Return `asked(text, slug, start)`: what a project with this dgops.toml asks for."""
    (tmp_path / "photos").mkdir()

    def ask(text, slug="", start=None):
        (tmp_path / "dgops.toml").write_text(text)
        return project.chosen(settings.load(start or tmp_path), slug)

    return ask


def test_a_table_becomes_a_run_with_a_predictable_folder(asked):
    found = asked(WHOLE)
    assert found == Options("amira", Path("photos"), "amiranoor", "face", output=Path("outputs"))
    assert found.root == Path("outputs/amira")


def test_every_key_is_heard(asked, monkeypatch):
    monkeypatch.setenv("DGOPS_WAREHOUSE", "/mnt")
    more = 'captioner = "template"\ntarget = 30\noutput = "datasets"\noutput_dir = "/sheets"\n'
    found = asked(WHOLE + more)
    assert (found.target, found.root, found.output_dir) == (30, Path("datasets/amira"), Path("/sheets"))
    assert found.targets.warehouse == Path("/mnt")


def test_paths_are_relative_to_the_file_wherever_one_stands(asked, tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    found = asked(WHOLE, start=tmp_path / "deep")
    assert (found.source, found.root) == (tmp_path / "photos", tmp_path / "outputs/amira")


def test_one_of_several_is_named_and_the_others_photographs_may_be_elsewhere(asked):
    assert asked(WHOLE + SECOND, "amira").slug == "amira"
    with pytest.raises(UsageError, match=r"which set\? .*dgops.toml describes amira, style"):
        asked(WHOLE + SECOND)
    with pytest.raises(UsageError, match="describes no set 'mira'") as caught:
        asked(WHOLE, "mira")
    assert caught.value.hint == "it describes: amira"


def test_all_mistakes_of_all_sets_at_once_with_file_and_key(asked, tmp_path):
    text = """
[gather.amira]
source = "gone"
trigger = "a,b"
crop = "ears"
colour = 1
target = 0
output = "C:Usersx"
[gather."a b"]
captioner = "parrot"
source = 3
trigger = ""
"""
    with pytest.raises(ConfigError) as caught:
        asked(text, "amira")
    file = f"{tmp_path}/dgops.toml: gather"
    begun = [line.strip() for line in caught.value.problems]
    assert caught.value.exit_code == 2
    wanted = [
        f"{file}.amira: colour: unknown key (known: source, ",
        f"{file}.amira: trigger: the trigger 'a,b' is no word",
        f"{file}.amira: crop: 'ears' is none of face, subject, none",
        f"{file}.amira: target: 0 is no number of images",
        f"{file}.amira: output: 'C:Usersx' looks like a Windows path",
        f"{file}.amira: source: gone is no folder",
        f"{file}.a b: the slug 'a b' cannot be",
        f"{file}.a b: crop: is missing",
        f"{file}.a b: captioner: 'parrot' is none of template",
        f"{file}.a b: source: 3 is no text",
        f"{file}.a b: trigger: '' is no text",
    ]
    assert len(begun) == len(wanted)
    for words in wanted:
        assert any(one.startswith(words) for one in begun), words


@pytest.mark.parametrize("text", ["gather = 3", "gather = []", "[gather]\namira = 1", "[[gather]]\nsource = 'x'"])
def test_what_is_no_table_of_tables(asked, text):
    with pytest.raises((ConfigError, UsageError)) as caught:
        asked(text)
    assert caught.value.exit_code == 2


def test_nothing_is_described(asked, tmp_path):
    with pytest.raises(UsageError, match=r"dgops.toml describes no set$") as caught:
        asked("")
    assert "[gather.amira]" in caught.value.hint
    (tmp_path / "dgops.toml").unlink()
    with pytest.raises(UsageError, match=r"no dgops.toml here or above"):
        project.chosen(settings.load(tmp_path))
