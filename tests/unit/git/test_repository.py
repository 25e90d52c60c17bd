"""One way to start git: no hooks, no prompts, its own words where it fails."""

import pytest

from dgops.git.repository import GitError, Repository, open_repository, require_identity, unfinished


def test_only_the_top_of_a_work_tree_is_one(repository, tmp_path):
    assert open_repository(repository.folder).folder == repository.folder
    for place in (repository.folder / "sub", tmp_path, tmp_path / "none", repository.folder / ".git"):
        with pytest.raises(GitError, match="is no git work tree"):
            open_repository(place)


def test_git_fails_in_its_own_words(repository):
    with pytest.raises(GitError, match="git rev-parse: fatal: Needed a single revision"):
        repository.run("rev-parse", "--verify", "nothing")
    assert repository.ask("rev-parse", "--verify", "nothing") is None


def test_hooks_stay_asleep_and_the_callers_variables_too(repository, monkeypatch, tmp_path):
    hook = repository.folder / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    repository.run("commit", "--allow-empty", "-qm", "second")
    assert repository.text("rev-list", "--count", "HEAD") == "2"


def test_objects_of_a_dry_run_are_thrown_away(repository, tmp_path):
    (tmp_path / "objects").mkdir()
    aside = repository.quarantined(tmp_path / "objects")
    blob = aside.text("hash-object", "-w", "--stdin", stdin=b"only there\n")
    assert aside.text("cat-file", "blob", blob) == "only there"
    assert aside.text("show", "HEAD:a.txt") == "a"
    assert repository.ask("cat-file", "-e", blob) is None


def test_somebody_has_to_commit(repository, monkeypatch):
    require_identity(repository)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    repository.run("config", "--unset", "user.name")
    with pytest.raises(GitError, match="does not know who you are") as caught:
        require_identity(repository)
    assert "config user.name" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "words"), [("MERGE_HEAD", "a merge"), ("rebase-apply", "a rebase"), ("REVERT_HEAD", "a revert")]
)
def test_what_is_half_done(repository, name, words):
    assert unfinished(repository) is None
    (repository.folder / ".git" / name).write_text("")
    assert unfinished(repository) == words


def test_a_dry_run_knows_what_is_there_in_a_folder_with_odd_names(tmp_path):
    folder = tmp_path / 'a:b"c\\d'
    folder.mkdir()
    Repository(folder).run("init", "-q")
    odd = open_repository(folder)
    blob = odd.text("hash-object", "-w", "--stdin", stdin=b"there\n")
    (tmp_path / "objects").mkdir()
    assert odd.quarantined(tmp_path / "objects").text("cat-file", "blob", blob) == "there"


def test_what_git_says_is_read_and_written_as_it_stands(repository, monkeypatch):
    monkeypatch.setenv("LANGUAGE", "de")
    assert repository.environment["LANGUAGE"] == ""
    repository.run("config", "i18n.commitEncoding", "ISO-8859-1")
    commit = repository.text("commit-tree", "HEAD^{tree}", "-m", "ü")
    assert "encoding" not in repository.text("cat-file", "commit", commit)
    with pytest.raises(GitError, match="git rev-parse: fatal"):
        repository.run("-c", "core.eol=lf", "rev-parse", "--verify", "nothing")


def test_a_filter_that_is_not_installed_has_a_hint(repository):
    (repository.folder / ".gitattributes").write_text("*.bin filter=gone\n")
    repository.run("config", "filter.gone.clean", "no-such-program")
    repository.run("config", "filter.gone.required", "true")
    (repository.folder / "x.bin").write_text("x\n")
    with pytest.raises(GitError) as caught:
        repository.run("add", "x.bin")
    assert "install the program of that filter" in caught.value.hint
