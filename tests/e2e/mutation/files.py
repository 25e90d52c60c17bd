"""What may happen to a file, a block of lines, a folder or a link that a role keeps."""

from mutation.tampering import Tampering, q

AWAY = ".elsewhere"
# key → how to read it, how to spoil it, how to put it back.
ATTRIBUTES = {
    "mode": ("stat -c %a", "chmod 0606", "chmod"),
    "owner": ("stat -c %u", "chown -h nobody", "chown -h"),
    "group": ("stat -c %g", "chgrp -h nogroup", "chgrp -h"),
}


def attributes(role, path, arguments):
    """Mode, owner and group, where the task states them."""
    found = []
    for key, (read, spoil, mend) in ATTRIBUTES.items():
        if arguments.get(key) is not None:
            script, undo = f"was=$({read} {q(path)}); {spoil} {q(path)}", f'{mend} "$was" {q(path)}'
            found.append(Tampering(role, path, f"{key} changed", script, undo=undo, light=True))
    return found


def content(role, path):
    """What may happen to any file's bytes, and to the file itself."""
    away = path + AWAY
    return [
        Tampering(role, path, "appended to", f"echo '# planted' >>{q(path)}", (path,)),
        Tampering(role, path, "cut in half", f"truncate -s $(($(stat -c %s {q(path)}) / 2)) {q(path)}", (path,)),
        Tampering(role, path, "removed", f"rm {q(path)}", (path,), whole=True),
        linked(role, path, away),
    ]


def linked(role, path, away):
    """The same bytes, but somebody else's file."""
    script = f"mv {q(path)} {q(away)}; ln -s {q(away)} {q(path)}"
    return Tampering(role, path, "replaced by a link", script, (path, away), whole=True)


def plain(role, arguments):
    """A file that copy or template wrote."""
    path = arguments.get("path") or arguments["dest"]
    return [*attributes(role, path, arguments), *content(role, path)]


def block(role, arguments):
    """Lines between two markers, in a file that is somebody else's for the rest."""
    path, marker, lines = arguments["path"], arguments["marker"], arguments["block"].splitlines()
    found = attributes(role, path, arguments)
    for number, line in enumerate(lines):
        target = f"{path}/line {number}"
        found.append(Tampering(role, target, "altered", _at(path, line, "s/.$/~/"), (path,)))
        found.append(Tampering(role, target, "removed", _at(path, line, "d"), (path,)))
    begin, end = marker.replace("{mark}", "BEGIN"), marker.replace("{mark}", "END")
    found += [
        Tampering(role, f"{path}/markers", "a line planted between", _at(path, end, "i planted"), (path,)),
        Tampering(role, f"{path}/markers", "first removed", _at(path, begin, "d"), (path,)),
        Tampering(role, f"{path}/markers", "last removed", _at(path, end, "d"), (path,)),
        Tampering(role, path, "emptied", f": >{q(path)}", (path,), whole=True),
        Tampering(role, path, "removed", f"rm {q(path)}", (path,), whole=True),
    ]
    return found


def _at(path, line, command):
    """Return a script that runs a command of sed at a whole line."""
    # The last one: a repaired file may hold the rest of an older block.
    number = f"grep -nFx -e {q(line)} {q(path)} | cut -d: -f1 | tail -n 1"
    return f'n=$({number}); [ -n "$n" ]; sed -i "$n"{q(command)} {q(path)}'


def file(role, arguments):
    """What the module `file` keeps: a folder or a link."""
    path = arguments["path"]
    if arguments["state"] == "link":
        return link(role, path)
    assert arguments["state"] == "directory", arguments
    return [*attributes(role, path, arguments), gone(role, path)]


def gone(role, path):
    """A folder that is not there any more."""
    away = path + AWAY
    script, undo = f"mv {q(path)} {q(away)}", f"rm -rf {q(path)}; mv {q(away)} {q(path)}"
    return Tampering(role, path, "removed", script, undo=undo, whole=True)


def linked_folder(role, path):
    """A folder of a user's by which he would lead root elsewhere: what it leads to is not touched."""
    away = path + AWAY
    script = f"mv {q(path)} {q(away)}; ln -s {q(away)} {q(path)}"
    undo = f"rm {q(path)}; mv {q(away)} {q(path)}"
    return Tampering(role, path, "replaced by a link", script, undo=undo, whole=True, adopted=True)


def link(role, path):
    """A link that leads elsewhere, is no link, or is gone."""
    return [
        Tampering(role, path, "leads elsewhere", f"ln -sfn /bin/true {q(path)}", (path,), whole=True),
        Tampering(
            role, path, "replaced by a file", f"cp --remove-destination /bin/true {q(path)}", (path,), whole=True
        ),
        Tampering(role, path, "removed", f"rm {q(path)}", (path,), whole=True),
    ]
