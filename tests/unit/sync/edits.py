"""What people do to a folder, as data: a random alphabet of edits, and the hand that makes them."""

import os
import shutil
import stat

from hypothesis import strategies as some

from dgops.git.entry import FILE, LINK, PROGRAM, blob_id

PATHS = [
    *("f0.py", "f1.py", "F1.py", "new.py", "d", "d/x", "d/y/z", "D/x", "-rf", "--help/-x", "a b\"'$.txt", "*?[x]"),
    *("caf\u00e9.txt", "cafe\u0301.txt", "\u65e5\u672c/\u00fc", "line\nend", "bell\x07", "back\\slash", ".hidden"),
    "noise.log",
]
TARGETS = ["f0.py", "d", "nowhere", "./d/x", "../x", "/etc/passwd", "d/../../../x"]
WHAT = [
    *["write"] * 4,
    *["line"] * 4,
    "delete",
    "rename",
    "rename",
    "chmod",
    "chmod",
    "empty",
    "link",
    "binary",
    "crlf",
]
LARGE = 20 << 20
# Large files are rare: one of them takes as long as a whole script.
EDITS = some.tuples(
    some.sampled_from(["host", "host", "home", "loose"]),
    some.one_of(*[some.sampled_from(WHAT)] * 20, some.sampled_from([*WHAT * 4, "large"])),
    some.sampled_from(PATHS),
    some.integers(0, 9),
)


def listing(root, meant=False):
    """Return path → (git's mode, id of the bytes) of what lies below a folder and is not dgops' own.

    `meant` gives ids of what no attribute of a script changes.
    """
    found = {}
    for place, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name != ".git"]
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        for name in files + links:
            if name.startswith(".dgops-"):
                continue
            full = os.path.join(place, name)
            found[os.path.relpath(full, root)] = _entry(full, meant)
    return found


def meaning(content):
    """Return bytes without what line ends and a filter may change: blanks at the ends of lines."""
    return b"\n".join(line.rstrip(b" \t\r") for line in content.split(b"\n"))


KNOWN = {}


def _entry(full, meant):
    seen = os.lstat(full)
    if stat.S_ISLNK(seen.st_mode):
        return LINK, blob_id(os.fsencode(os.readlink(full)))
    key = (meant, seen.st_ino, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size)
    if seen.st_size < 1 << 20 or key not in KNOWN:
        with open(full, "rb") as stream:
            content = stream.read()
            KNOWN[key] = blob_id(meaning(content) if meant else content)
    return (PROGRAM if seen.st_mode & 0o100 else FILE), KNOWN[key]


def edit(root, what, path, number, token):
    """Make one edit below a folder; whatever stands in the way of a file or a folder goes."""
    there = sorted(listing(root))
    one = there[number % len(there)] if there else None
    if what in ("line", "delete", "rename", "chmod") and one is None:
        return
    place = root / (one or path)
    if what == "line" and not place.is_symlink() and place.stat().st_size < LARGE:
        lines = place.read_bytes().split(b"\n")
        place.write_bytes(b"\n".join([*lines[:number], token.encode(), *lines[number + 1 :]]))
    elif what == "delete":
        clear(root, one)
    elif what == "rename" and not f"{path}/".startswith(f"{one}/"):
        make_room(root, path)
        if place.is_symlink() or place.exists():
            os.rename(place, root / path)
    elif what == "chmod" and not place.is_symlink():
        place.chmod(place.stat().st_mode ^ 0o111)
    elif what == "link":
        make_room(root, path).symlink_to(TARGETS[number % len(TARGETS)])
    elif what in CONTENT:
        make_room(root, path).write_bytes(CONTENT[what](token))


CONTENT = {
    "write": lambda token: "".join(f"line {line}\n" for line in range(12)).encode() + token.encode(),
    "crlf": lambda token: b"line 1\r\nline 2 \t\r\n" + token.encode() + b"last\r\n",
    "binary": lambda token: token.encode() + bytes(range(256)) * 3,
    "empty": lambda _: b"",
    "large": lambda token: token.encode() + bytes(LARGE),
}


def make_room(root, path):
    """Return the place of a path; files and links above it go, and what stands at it."""
    parts = path.split("/")
    for count in range(1, len(parts)):
        above = root.joinpath(*parts[:count])
        if above.is_symlink() or above.is_file():
            above.unlink()
    clear(root, path)
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    return root / path


def clear(root, path):
    """Remove what stands at a path, and the folders that it leaves empty."""
    place = root / path
    if place.is_symlink() or place.is_file():
        place.unlink()
    elif place.is_dir():
        shutil.rmtree(place)
    while place.parent != root and place.parent.is_dir() and not any(place.parent.iterdir()):
        place = place.parent
        place.rmdir()
