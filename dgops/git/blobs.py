"""Contents of a repository: what it has, what its attributes make of a file, what it ignores."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from dgops.git.trees import joined, own_index, records

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dgops.git.entry import Entry
    from dgops.git.repository import Repository

# What makes the bytes of a work tree differ from those of a blob.
CONVERTING = ("text", "eol", "crlf", "filter", "ident", "working-tree-encoding")

UNIX = ("-c", "core.autocrlf=false", "-c", "core.eol=lf")


def existing(repository: Repository, ids: Iterable[str]) -> set[str]:
    """Return those of the ids that the repository has as blobs."""
    asked = sorted(set(ids))
    if not asked:
        return set()
    answer = repository.text("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin="\n".join(asked).encode())
    return {line.split(" ")[0] for line in answer.splitlines() if line.endswith(" blob")}


def read_blob(repository: Repository, blob: str) -> bytes:
    """Return a blob's bytes."""
    return repository.run("cat-file", "blob", blob).stdout


def write_blob(repository: Repository, content: bytes) -> str:
    """Write bytes as a blob just as they are; returns its id."""
    return repository.text("hash-object", "-w", "--no-filters", "--stdin", stdin=content)


def write_blobs(repository: Repository, contents: Iterable[bytes]) -> None:
    """Write many blobs just as they are, in one go and without a file for each."""
    stream = b"".join(b"blob\ndata %d\n%s\n" % (len(content), content) for content in contents)
    if stream:
        repository.run("fast-import", "--quiet", stdin=stream)


def conversions(repository: Repository, commit: str, paths: Sequence[str]) -> dict[str, str]:
    """Return for each path whose bytes a commit's attributes or the configuration convert, what converts them."""
    if not paths:
        return {}
    automatic = repository.ask("config", "core.autocrlf") or "false"
    with own_index(repository, commit) as indexed:
        asked = indexed.run("check-attr", "-z", "--cached", "--stdin", *CONVERTING, stdin=joined(paths))
    answers = iter(records(asked.stdout))
    found: dict[str, list[str]] = {}
    for path in answers:
        name, value = next(answers), next(answers)
        if value not in ("unspecified", "unset"):
            found.setdefault(path, []).append(f"{name}={value}")
        elif name == "text" and value == "unspecified" and automatic not in ("false", "no", "off", "0"):
            found.setdefault(path, []).append(f"autocrlf={automatic}")
    return {path: ",".join(words) for path, words in found.items()}


def add_files(repository: Repository, commit: str, files: Path, paths: Sequence[str]) -> dict[str, str]:
    """Write the files that lie at these paths below a folder as blobs; returns their ids.

    As `git add` would beside the commit: its attributes convert them, never those of a file that is added. The
    folder must hold no .gitattributes outside of the paths.
    """
    ids: dict[str, str] = {}
    if not paths:
        return ids
    plain = {path for path in paths if path.rpartition("/")[2] != ".gitattributes"}
    for path in set(paths) - plain:
        ids[path] = write_blob(repository, (files / path).read_bytes())
        (files / path).unlink()
    with own_index(repository, commit) as indexed:
        there = indexed.under(**_work_tree(repository, files))
        there.run("update-index", "--add", "--replace", "-z", "--stdin", stdin=joined(plain))
        for row in records(there.run("ls-files", "--stage", "-z").stdout):
            head, _, path = row.partition("\t")
            if path in plain:
                ids[path] = head.split(" ")[1]
    return ids


def checked_out(repository: Repository, commit: str, entries: Mapping[str, Entry]) -> dict[str, bytes]:
    """Return the bytes that a checkout of the commit would write at these paths of it; links give their target.

    A checkout on a host: line ends come from attributes, never from what suits the machine at home.
    """
    links = {path: read_blob(repository, entry.id) for path, entry in entries.items() if entry.mode == "120000"}
    files = [path for path in entries if path not in links]
    with (
        tempfile.TemporaryDirectory(prefix="out-", dir=repository.scratch) as folder,
        own_index(repository, commit) as indexed,
    ):
        (empty := Path(folder) / "empty").mkdir()
        (target := Path(folder) / "out").mkdir()
        # An empty work tree: attributes then come from the commit alone.
        there = indexed.under(**_work_tree(repository, empty))
        there.run(*UNIX, "checkout-index", "--force", "-z", "--stdin", f"--prefix={target}/", stdin=joined(files))
        return links | {path: (target / path).read_bytes() for path in files}


def ignored(repository: Repository, paths: Iterable[str]) -> set[str]:
    """Return those of the paths that the ignore rules name, tracked or not; a folder ends with a slash.

    Below a link of the work tree git knows no rules, and nothing is ignored.
    """
    asked = [path for path in paths if not _beyond_link(repository.folder, path)]
    if not asked:
        return set()
    done = repository.run("check-ignore", "--no-index", "-z", "--stdin", stdin=joined(asked), good=(0, 1))
    return set(records(done.stdout))


def _beyond_link(folder: Path, path: str) -> bool:
    parts = path.rstrip("/").split("/")[:-1]
    return any(os.path.islink(folder.joinpath(*parts[: count + 1])) for count in range(len(parts)))


def _work_tree(repository: Repository, folder: Path) -> dict[str, str]:
    return {"GIT_DIR": str(repository.git_path(".").resolve()), "GIT_WORK_TREE": str(folder)}
