"""Double-apply, with real git and the real agent: what comes home, what goes there, and what never happens."""

import json
import os

import pytest
from world import tree

from dgops.sync import state

API, SHARED = "apps/api/src", "packages/shared"


def test_a_first_sync_concludes_nothing_and_changes_nothing(world):
    world.host(f"{API}/old.py", "image content\n")
    before, head = tree(world.there), world.head
    result = world.sync()
    assert (result.outcome, result.parity) == ("fresh", False)
    assert "--from local" in result.error.hint
    assert (tree(world.there), world.head, world.base, world.branches) == (before, head, "", [])


def test_from_local_fills_an_empty_replica_and_proves_it(world):
    result = world.sync(source="local")
    assert (result.outcome, result.parity, len(result.pushed)) == ("pushed", True, 8)
    assert result.local_tree == result.host_tree
    assert os.access(world.there / "app" / SHARED / "tools/run.sh", os.X_OK)
    assert not os.access(world.there / "app" / API / "f0.py", os.X_OK)
    assert world.base == world.head == result.base
    marker = json.loads((world.there / "app/packages/.dgops-shared.json").read_text())
    assert (marker["base"], marker["modes"]) == (world.head, True)
    assert world.sync().outcome == "parity"


def test_edits_come_home_as_one_commit(world):
    world.filled()
    base = world.head
    world.lines(world.there / "app" / API / "f1.py", 3, "edited on the pod")
    world.host(f"{SHARED}/new.py", "new\n", 0o755)
    (world.there / "app" / API / "f5.py").unlink()
    result = world.sync()
    assert (result.outcome, result.parity, result.commit) == ("pulled", True, world.head)
    assert [(one.kind, one.path) for one in result.changes] == [
        ("M", f"{API}/f1.py"),
        ("D", f"{API}/f5.py"),
        ("A", f"{SHARED}/new.py"),
    ]
    assert world.git("rev-list", "--parents", "-1", "HEAD").split() == [world.head, base]
    assert world.git("status", "--porcelain") == ""
    assert "edited on the pod" in (world.repo / API / "f1.py").read_text()
    assert world.git("ls-tree", "HEAD", f"{SHARED}/new.py").startswith("100755")
    body = world.git("log", "-1", "--format=%an <%ae>%n%B")
    assert body.startswith("Sean <sean@example.org>\npod: edit 3 files in apps/api/src, packages/shared\n")
    trailers = world.git("log", "-1", "--format=%(trailers:only)")
    assert trailers.splitlines()[0] == "Dgops-Host: pod"
    assert f"Dgops-Base: {base}" in trailers
    assert world.base == world.head
    assert world.sync().outcome == "parity"
    assert len(world.log) == 2


def test_the_commit_says_what_a_person_said(world):
    world.filled()
    world.host(f"{SHARED}/new.py", "new\n")
    assert world.sync(message="mend the clock").outcome == "pulled"
    assert world.git("log", "-1", "--format=%s") == "mend the clock"
    assert "Dgops-Host: pod" in world.git("log", "-1", "--format=%(trailers:only)")


def test_both_sides_edited_is_a_merge_with_two_parents_and_both_edits_everywhere(world):
    world.filled()
    base = world.head
    world.lines(world.there / "app" / API / "f1.py", 1, "pod")
    world.lines(world.repo / API / "f1.py", 10, "home")
    head = world.commit("home")
    result = world.sync()
    assert (result.outcome, result.parity) == ("merged", True)
    merge, first, second = world.git("rev-list", "--parents", "-1", "HEAD").split()
    assert (merge, first) == (world.head, head)
    assert world.git("rev-parse", f"{second}^") == base
    for place in (world.repo, world.there / "app"):
        text = (place / API / "f1.py").read_text()
        assert "pod" in text
        assert "home" in text


def test_what_is_newer_at_home_goes_there(world):
    world.filled()
    world.home(f"{API}/f2.py", "newer\n")
    (world.repo / SHARED / "tools/run.sh").unlink()
    world.commit("gone")
    result = world.sync()
    assert (result.outcome, result.parity, result.commit) == ("pushed", True, "")
    assert world.host(f"{API}/f2.py") == "newer\n"
    assert not (world.there / "app" / SHARED / "tools").exists()
    assert world.base == world.head


def test_commits_outside_of_the_maps_are_nobodys_business(world):
    world.filled()
    world.home("README.md", "more\n")
    assert world.sync().outcome == "parity"
    assert not (world.there / "app/README.md").exists()


@pytest.fixture
def parted(world):
    world.filled()
    world.lines(world.there / "app" / API / "f1.py", 5, "pod's")
    world.lines(world.repo / API / "f1.py", 5, "home's")
    world.commit("home")
    return world


def test_a_conflict_becomes_a_branch_and_nothing_is_overwritten(parted):
    head, base, there = parted.head, parted.base, tree(parted.there)
    result = parted.sync()
    assert (result.outcome, result.parity) == ("conflict", False)
    assert "the same lines changed on pod and at home: apps/api/src/f1.py" in result.error.message
    assert result.error.hint.endswith(f"merge {result.branch}")
    assert (parted.head, parted.base, tree(parted.there)) == (head, base, there)
    assert parted.branches == [result.branch]
    assert parted.git("rev-parse", f"{result.branch}^") == base
    again = parted.sync()
    assert (again.outcome, again.branch, parted.branches) == ("conflict", result.branch, [result.branch])


def test_after_the_branch_is_merged_by_hand_the_next_sync_reaches_parity(parted):
    branch = parted.sync().branch
    parted.git("merge", branch, good=False)
    parted.lines(parted.repo / API / "f1.py", 5, "both")
    text = (parted.repo / API / "f1.py").read_text()
    clean = [line for line in text.splitlines() if not line.startswith(("<<<", "===", ">>>"))]
    (parted.repo / API / "f1.py").write_text("\n".join(clean) + "\n")
    parted.commit("merged by hand")
    parted.git("branch", "-D", branch)
    # Meanwhile the host is edited on, elsewhere.
    parted.lines(parted.there / "app" / API / "f1.py", 0, "more from the pod")
    result = parted.sync()
    assert (result.outcome, result.parity) == ("merged", True), result.error
    assert parted.host(f"{API}/f1.py") == (parted.repo / API / "f1.py").read_text()
    assert "more from the pod" in parted.host(f"{API}/f1.py")
    assert parted.branches == []


def test_ours_wins_when_somebody_says_so(parted):
    parted.git("merge", "-s", "ours", "--no-edit", parted.sync().branch)
    result = parted.sync()
    assert (result.outcome, result.parity) == ("pushed", True)
    assert "home's" in parted.host(f"{API}/f1.py")


def test_a_dirty_work_tree_is_touched_only_where_it_is_clean(world):
    world.filled()
    world.write(world.repo, "README.md", "uncommitted\n")
    world.write(world.repo, f"{API}/untracked.py", "mine\n")
    world.host(f"{API}/f1.py", "pod\n")
    assert world.sync().outcome == "pulled"
    assert (world.repo / "README.md").read_text() == "uncommitted\n"
    world.write(world.repo, f"{API}/f2.py", "uncommitted\n")
    world.host(f"{API}/f2.py", "pod\n")
    head = world.head
    result = world.sync()
    assert (result.outcome, world.head) == ("conflict", head)
    assert "not committed at home: apps/api/src/f2.py" in result.error.message
    assert (world.repo / API / "f2.py").read_text() == "uncommitted\n"
    assert world.host(f"{API}/f2.py") == "pod\n"
    world.host(f"{API}/untracked.py", "theirs\n")
    result = world.sync()
    assert "untracked.py" in result.error.message
    assert (world.repo / API / "untracked.py").read_text() == "mine\n"


def test_the_same_uncommitted_edit_is_no_overlap(world):
    world.filled()
    for root in (world.repo, world.there / "app"):
        world.write(root, f"{API}/f2.py", "the same\n")
        world.write(root, f"{API}/added.py", "the same\n")
    assert world.sync().outcome == "pulled"
    assert world.git("status", "--porcelain") == ""


def test_a_restarted_host_reverts_and_deletes_nothing(world):
    world.host(f"{API}/f0.py", "the image's own old content\n")
    world.host(f"{API}/only_in_image.py", "x\n")
    image = tree(world.there)
    world.sync(source="local", allow_deletes=True)
    world.host(f"{API}/f3.py", "work\n")
    assert world.sync().outcome == "pulled"
    head = world.head
    for found in sorted((world.there / "app").rglob("*"), reverse=True):
        found.unlink() if found.is_file() else found.rmdir()
    for path, content in image.items():
        world.write(world.there, path, content)
    result = world.sync()
    assert result.outcome == "fresh"
    assert "restarted or replaced" in result.error.message
    assert (world.head, tree(world.there)) == (head, image)
    branches = world.branches
    assert world.sync(source="local", allow_deletes=True).parity
    assert world.host(f"{API}/f3.py") == "work\n"
    assert not (world.there / "app" / API / "only_in_image.py").exists()
    assert world.branches == branches, "what the image holds was kept already"
    assert world.git("show", f"{branches[0]}:{API}/only_in_image.py") == "x"


def test_an_emptied_host_is_fresh_too_and_is_refilled(world):
    world.filled()
    os.rename(world.there / "app", world.there / "gone")
    assert world.sync().outcome == "fresh"
    assert not (world.there / "app").exists()
    assert world.sync(source="local").parity


def test_an_older_disk_that_comes_back_with_its_marker_is_fresh(world):
    world.filled()
    old = tree(world.there)
    world.host(f"{API}/f3.py", "work\n")
    assert world.sync().parity
    for path, content in old.items():
        world.write(world.there, path, content)
    result = world.sync()
    assert result.outcome == "fresh"
    assert "an older disk or image" in result.error.message
    assert "work" in (world.repo / API / "f3.py").read_text()


def test_from_host_takes_what_is_there_as_an_edit(world):
    for number in range(5):
        world.host(f"{API}/f{number}.py", (world.repo / API / f"f{number}.py").read_bytes())
    for path in ("clock.py", "tools/run.sh"):
        world.host(f"{SHARED}/{path}", (world.repo / SHARED / path).read_bytes(), 0o755 if "run" in path else 0o644)
    world.host(f"{API}/f1.py", "the pod's\n")
    result = world.sync(source="host")
    assert (result.outcome, result.parity) == ("pulled", True), result.error
    assert {(one.kind, one.path) for one in result.changes} == {("M", f"{API}/f1.py"), ("D", f"{API}/f5.py")}
    assert world.sync().outcome == "parity"


def test_mass_deletion_is_refused_until_allowed(world):
    world.filled()
    for number in range(2):
        (world.there / "app" / API / f"f{number}.py").unlink()
    head = world.head
    result = world.sync()
    assert (result.outcome, world.head) == ("refused", head)
    assert "lost 2 of 6 files" in result.error.message
    assert world.sync(allow_deletes=True).outcome == "pulled"
    assert not (world.repo / API / "f0.py").exists()


def test_from_host_of_an_empty_folder_is_refused(world):
    (world.there / "app" / API).mkdir(parents=True)
    result = world.sync(source="host")
    assert (result.outcome, len(world.log)) == ("refused", 1)


def test_filling_a_folder_full_of_other_things_is_refused(world):
    for number in range(9):
        world.host(f"{API}/precious{number}", "x\n")
    before = tree(world.there)
    result = world.sync(source="local")
    assert "only on pod" in result.error.message
    assert tree(world.there) == before


def test_ignored_files_stay_where_they_are_and_tracked_ones_count(world):
    world.write(world.repo, f"{API}/kept.log", "tracked\n")
    world.write(world.repo, ".gitignore", "*.log\nnode_modules/\n")
    world.git("add", "-f", f"{API}/kept.log")
    world.commit("ignore")
    world.filled()
    world.host(f"{API}/debug.log", "noise\n")
    world.host(f"{API}/node_modules/x/index.js", "noise\n")
    assert world.sync().outcome == "parity"
    world.host(f"{API}/kept.log", "edited\n")
    result = world.sync()
    assert [one.path for one in result.changes] == [f"{API}/kept.log"]
    assert world.host(f"{API}/debug.log") == "noise\n"


def test_a_heavy_folder_that_counts_is_looked_into(world):
    world.write(world.repo, ".gitignore", "venv/\n!apps/api/src/venv/\n")
    world.commit("ignore")
    world.filled()
    world.host(f"{API}/venv/a.py", "counts\n")
    world.host(f"{SHARED}/venv/a.py", "ignored\n")
    result = world.sync()
    assert [one.path for one in result.changes] == [f"{API}/venv/a.py"]


def test_line_ends_under_attributes_are_no_edit_for_ever(world):
    world.write(world.repo, ".gitattributes", "* text=auto\n*.bat text eol=crlf\n")
    world.write(world.repo, f"{API}/run.bat", "echo\r\n")
    world.commit("attributes")
    world.filled()
    assert (world.there / "app" / API / "run.bat").read_bytes() == b"echo\r\n"
    world.host(f"{API}/f0.py", (world.repo / API / "f0.py").read_bytes().replace(b"\n", b"\r\n"))
    assert world.sync().outcome in ("parity", "pushed")
    assert world.sync().outcome == "parity"
    assert len(world.log) == 2


def test_an_edit_with_other_line_ends_comes_home_as_git_add_has_it(world):
    world.write(world.repo, ".gitattributes", "* text=auto\n")
    world.commit("attributes")
    world.filled()
    world.host(f"{API}/f0.py", "a\r\nb\r\n")
    result = world.sync()
    assert [one.path for one in result.changes] == [f"{API}/f0.py"]
    assert world.git("cat-file", "blob", f"HEAD:{API}/f0.py") == "a\nb"
    assert result.parity
    assert world.sync().outcome == "parity"


def test_state_that_is_lost_makes_every_replica_fresh(world):
    world.filled()
    state.path_of(world.shared, world.settings).write_text("{")
    world.host(f"{API}/f0.py", "edit\n")
    assert world.sync().outcome == "fresh"


def test_only_looking_changes_nothing(world):
    world.filled()
    world.lines(world.there / "app" / API / "f1.py", 1, "pod")
    world.home(f"{API}/f2.py", "home\n")
    kept = (world.head, world.base, tree(world.there), world.git("count-objects"), tree(world.repo / API))
    shown = world.sync(status=True)
    assert (shown.outcome, shown.parity) == ("merged", False)
    assert shown.states == {"api": "1 edited on host, 1 newer at home", "shared": "parity"}
    dry = world.sync(dry_run=True)
    assert (dry.outcome, [one.path for one in dry.changes], [one.path for one in dry.pushed]) == (
        "merged",
        [f"{API}/f1.py"],
        [f"{API}/f2.py"],
    )
    assert kept == (world.head, world.base, tree(world.there), world.git("count-objects"), tree(world.repo / API))
