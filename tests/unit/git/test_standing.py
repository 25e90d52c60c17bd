"""What is in no commit, in no remote, on no branch that it should be on."""

from dgops.git.standing import Standing, standing


def test_a_clean_tree_without_a_remote(repository):
    assert standing(repository) == Standing("main")


def test_what_is_uncommitted(repository):
    folder = repository.folder
    (folder / "new\nline.txt").write_text("x")
    (folder / "a.txt").write_text("other")
    repository.run("mv", "sub/b.txt", "moved.txt")
    assert sorted(standing(repository).uncommitted) == ["a.txt", "moved.txt", "new\nline.txt"]


def test_what_no_remote_has(repository, tmp_path):
    repository.run("init", "-q", "--bare", str(tmp_path / "remote"))
    repository.run("remote", "add", "origin", str(tmp_path / "remote"))
    assert (standing(repository).unpushed, standing(repository).upstream) == (1, "")
    repository.run("push", "-q", "--set-upstream", "origin", "main")
    assert (standing(repository).unpushed, standing(repository).upstream) == (0, "origin/main")
    repository.run("commit", "--allow-empty", "-qm", "second")
    repository.run("checkout", "-q", "--detach")
    seen = standing(repository)
    assert (seen.branch, seen.upstream, seen.unpushed) == ("", "", 1)


def test_branches_that_wait_for_a_merge(repository):
    repository.run("branch", "sync/pod/1120-1402")
    repository.run("branch", "other")
    assert standing(repository).unmerged == ()
    for branch in ("sync/pod/1120-1402", "other"):
        repository.run("checkout", "-q", branch)
        repository.run("commit", "--allow-empty", "-qm", branch)
    repository.run("checkout", "-q", "main")
    assert standing(repository).unmerged == ("sync/pod/1120-1402",)
    repository.run("merge", "-q", "sync/pod/1120-1402")
    assert standing(repository).unmerged == ()


def test_half_a_merge(repository):
    (repository.folder / ".git/MERGE_HEAD").write_text(repository.text("rev-parse", "HEAD") + "\n")
    assert standing(repository).half_done == "a merge"


def test_before_the_first_commit(repository, tmp_path):
    repository.run("init", "-q", "-b", "main", str(tmp_path / "empty"))
    from dgops.git.repository import Repository

    assert standing(Repository(tmp_path / "empty")) == Standing("main")
