"""Home as it stands: what cannot be synced is refused in one clear sentence, and nothing changes."""

import pytest
from world import Direct, tree

from dgops.sync import run
from dgops.sync.scene import Wish

API = "apps/api/src"


@pytest.fixture
def edited(world):
    world.filled()
    world.host(f"{API}/f1.py", "edit\n")
    return world


def refused(world, words, hint=""):
    kept = (world.git("rev-parse", "--all"), tree(world.there), world.git("status", "--porcelain"))
    result = world.sync()
    assert (result.outcome, result.parity) == ("refused", False)
    assert words in result.error.message
    assert hint in result.error.hint
    assert kept == (world.git("rev-parse", "--all"), tree(world.there), world.git("status", "--porcelain"))


def test_another_branch(edited):
    edited.git("switch", "-q", "-c", "dev")
    refused(edited, "is on branch dev, and the first sync was on main: nothing was merged", "switch main")
    text = (edited.root / "dgops.toml").read_text().replace("local_path", 'branch = "release"\nlocal_path')
    (edited.root / "dgops.toml").write_text(text)
    refused(edited, "the map names release", "switch release")


def test_a_detached_head(edited):
    edited.git("switch", "-q", "--detach")
    refused(edited, "no branch is checked out")


def test_a_merge_half_done(edited):
    edited.git("switch", "-q", "-c", "dev")
    edited.home(f"{API}/f2.py", "dev\n")
    edited.git("switch", "-q", "main")
    edited.home(f"{API}/f2.py", "main\n")
    edited.git("merge", "dev", good=False)
    refused(edited, "a merge is half done")
    edited.git("merge", "--abort")
    edited.git("rebase", "dev", good=False)
    refused(edited, "a rebase is half done", "finish it with git")
    edited.git("rebase", "--abort")
    assert edited.sync().outcome == "merged"


def test_no_commit_yet(world):
    world.git("update-ref", "-d", "HEAD")
    assert "no commit yet" in world.sync().error.message


def test_nobody_to_commit_as(edited, monkeypatch):
    edited.git("config", "--unset", "user.email")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    refused(edited, "git does not know who you are", "config user.name")
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "me@example.org")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "me@example.org")
    assert edited.sync().outcome == "pulled"


def test_a_submodule_in_a_map(edited):
    edited.git("update-index", "--add", "--cacheinfo", f"160000,{edited.head},{API}/sub")
    edited.git("commit", "-qm", "a submodule")
    refused(edited, f"{API}/sub is no folder of files")


def test_a_linked_work_tree_is_a_repository_too(edited):
    edited.git("switch", "-q", "-c", "aside")
    edited.git("worktree", "add", "-q", edited.root / "linked", "main")
    text = (edited.root / "dgops.toml").read_text().replace('repo = "isengard"', 'repo = "linked"')
    (edited.root / "dgops.toml").write_text(text)
    edited.repo = edited.root / "linked"
    shared = edited.shared
    assert shared.ref == "refs/dgops/pod/linked"
    result = run.sync(shared, edited.transport, edited.settings, Wish(source="host"), edited.said.append)
    assert (result.outcome, result.parity) == ("pulled", True), result.error
    assert (edited.repo / API / "f1.py").read_text() == "edit\n"


def test_variables_of_the_caller_lead_git_nowhere_else(edited, monkeypatch, tmp_path):
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    result = run.sync(edited.shared, edited.transport, edited.settings, Wish(), edited.said.append)
    assert result.outcome == "pulled"
    assert not (tmp_path / "elsewhere").exists()


def test_a_branch_that_is_left_while_the_host_is_looked_at(edited):
    class Switching(Direct):
        def tamper(self, command, answer):
            if command == "scan":
                edited.git("switch", "-q", "-c", "other")
            return answer

    head, status = edited.head, edited.git("status", "--porcelain")
    result = edited.sync(Switching("pod"))
    assert (result.outcome, edited.head, edited.git("status", "--porcelain")) == ("refused", head, status)
    assert "left main meanwhile" in result.error.message
    edited.git("switch", "-q", "main")
    assert edited.sync().outcome == "pulled"


def test_trouble_with_this_machines_files_is_a_result_of_its_own(edited):
    (edited.repo / ".git/dgops-scratch").write_text("no folder")
    result = run.sync(edited.shared, edited.transport, edited.settings, Wish(), edited.said.append)
    assert (result.outcome, len(edited.log)) == ("refused", 1)
    assert result.error.message.endswith(".git/dgops-scratch: File exists")
    assert result.error.hint
