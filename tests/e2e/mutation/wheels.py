"""What may happen to the wheel cache: to wheels of locks, to what the controller put there, and to its notes."""

from dataclasses import replace

from mutation import files
from mutation.tampering import Tampering, q

NOTES = ".dgops-wheels.json"
COPY = "/var/tmp/dgops-aside-wheel"
# Of the lock of the command line's venv; pure Python and compiled.
WHEELS = ("click", "psutil")


def renoted(cache):
    """Return what lets the notes know files that were put back: their times are new."""
    program = (
        "import json, os, sys; os.chdir(sys.argv[1]); read = json.load(open(sys.argv[2])); "
        "[note.update(changed=os.stat(name).st_ctime_ns) for name, note in read['files'].items()]; "
        "json.dump(read, open(sys.argv[2], 'w'))"
    )
    return f"python3 -c {q(program)} {q(cache)} {NOTES}"


def seed(role, arguments):
    """A wheel that the controller put there."""
    path = arguments["dest"]
    return [replace(one, after=renoted(path.rpartition("/")[0])) for one in files.plain(role, arguments)]


def locked(role, cache):
    """What may happen to wheels of a lock, and to the notes of them."""
    return [*(one for name in WHEELS for one in wheel(role, cache, name)), *notes(role, f"{cache}/{NOTES}")]


def wheel(role, cache, name):
    """One wheel; only the host knows its whole name."""
    ways = {
        "a byte altered, its time put back": 'cp -p "$file" /var/tmp/was; printf "~" | dd of="$file" bs=1 seek=200 '
        'conv=notrunc status=none; touch -r /var/tmp/was "$file"; rm /var/tmp/was',
        "appended to": 'echo planted >>"$file"',
        "cut in half": 'truncate -s $(($(stat -c %s "$file") / 2)) "$file"',
        "removed": 'rm "$file"',
        "replaced by a link": f'cp "$file" {q(cache)}/elsewhere; ln -sf elsewhere "$file"',
    }
    find = f"cd {q(cache)}; file=$(echo {name}-*.whl); rm -rf {COPY}; mkdir {COPY}; cp -a $file {COPY}"
    undo = f"rm -f {q(cache)}/elsewhere; cp -a --remove-destination {COPY}/*.whl {q(cache)}; rm -r {COPY}"
    return [
        Tampering(role, f"{cache}/{name}", kind, f"{find}; {way}", undo=undo, after=renoted(cache))
        for kind, way in ways.items()
    ]


def notes(role, path):
    """The notes: without them nobody knows what was proven."""
    stale = f"sed -i 's/\"changed\": ./&1/' {q(path)}"
    return [
        Tampering(role, path, "times altered", stale, (path,)),
        Tampering(role, path, "emptied", f": >{q(path)}", (path,)),
        Tampering(role, path, "removed", f"rm {q(path)}", (path,), whole=True),
    ]
