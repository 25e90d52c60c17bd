"""Trees, read and made, beside the person's own index."""

from dataclasses import replace

from dgops.git.entry import Entry
from dgops.git.repository import Repository
from dgops.git.trees import build_tree, differing, files_at, own_index, read_tree, staged

EMPTY_BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_read_build_and_compare(repository):
    blob = repository.text("hash-object", "-w", "--stdin", stdin=b"")
    assert blob == EMPTY_BLOB
    (repository.folder / "staged").write_text("x")
    repository.run("add", "staged")
    before = repository.text("write-tree")
    new = Entry("100755", blob)
    tree = build_tree(repository, "HEAD", {"a.txt": None, "sub/b.txt/deep": new, "odd \t\u00e9": new})
    assert set(read_tree(repository, tree)) == {"sub/b.txt/deep", "odd \t\u00e9"}
    assert set(read_tree(repository, tree, ["sub"])) == {"sub/b.txt/deep"}
    old = read_tree(repository, "HEAD")
    assert differing(repository, "HEAD", tree) == {
        "a.txt": (old["a.txt"], None),
        "sub/b.txt": (old["sub/b.txt"], None),
        "sub/b.txt/deep": (None, new),
        "odd \t\u00e9": (None, new),
    }
    assert set(staged(repository, "HEAD")) == {"staged"}
    assert repository.text("write-tree") == before
    assert build_tree(repository, "HEAD", {}) == repository.text("rev-parse", "HEAD^{tree}")


def test_an_index_of_its_own_leaves_nothing_in_the_repository(repository):
    repository.run("config", "core.splitIndex", "true")
    with own_index(repository, "HEAD") as indexed:
        assert indexed.text("ls-files").split() == ["a.txt", "sub/b.txt"]
    assert not list((repository.folder / ".git").glob("sharedindex.*"))


def test_a_sparse_checkout_leaves_nothing_out_of_a_tree(repository):
    repository.run("sparse-checkout", "set", "--cone", "elsewhere")
    entry = read_tree(repository, "HEAD")["a.txt"]
    tree = build_tree(repository, "HEAD", {"new.txt": entry})
    assert sorted(read_tree(repository, tree)) == ["a.txt", "new.txt", "sub/b.txt"]


def test_in_a_scratch_folder_each_tree_is_read_once_and_stays_as_it_was(repository, tmp_path, monkeypatch):
    (tmp_path / "scratch").mkdir()
    scratched = replace(repository, scratch=tmp_path / "scratch")
    head = repository.text("rev-parse", "HEAD")
    entry = read_tree(repository, head)["a.txt"]
    first = build_tree(scratched, head, {"new.txt": entry, "a.txt": None})
    reads = []
    true = Repository.run

    def counting(self, *arguments, **options):
        reads.extend(arguments[:1] if arguments[0] == "read-tree" else ())
        return true(self, *arguments, **options)

    monkeypatch.setattr(Repository, "run", counting)
    assert build_tree(scratched, head, {}) == repository.text("rev-parse", "HEAD^{tree}")
    assert build_tree(scratched, head, {"new.txt": entry, "a.txt": None}) == first
    assert reads == []
    # A name can mean another tree tomorrow.
    build_tree(scratched, "HEAD", {})
    build_tree(scratched, "HEAD", {})
    assert reads == ["read-tree"] * 2


def test_files_at(repository):
    assert files_at(repository, "HEAD", ["a.txt", "sub", "sub/b.txt", "none"]) == ["a.txt", "sub/b.txt"]
