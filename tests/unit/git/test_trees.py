"""Trees, read and made, beside the person's own index."""

from dgops.git.entry import Entry
from dgops.git.trees import build_tree, differing, read_tree

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
    assert differing(repository, "HEAD", tree) == {
        "a.txt": None,
        "sub/b.txt": None,
        "sub/b.txt/deep": new,
        "odd \t\u00e9": new,
    }
    assert repository.text("write-tree") == before
    assert build_tree(repository, "HEAD", {}) == repository.text("rev-parse", "HEAD^{tree}")
