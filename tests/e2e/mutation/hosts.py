"""What may happen to packages, users, git's settings, keys and the trust store."""

from mutation.files import content
from mutation.tampering import Tampering, q

DPKG = "/var/lib/dpkg/status"
ACCOUNTS = ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid")


def package(role, name):
    """What dpkg knows of a package: removed, or left in the middle by a run that was killed."""
    states = {"removed": "deinstall ok config-files", "half configured": "install ok half-configured"}
    return [
        Tampering(role, f"package {name}", kind, _state(name, state), (DPKG,), whole=True)
        for kind, state in states.items()
    ]


def _state(name, state):
    return f"sed -i '/^Package: {name}$/,/^$/s/^Status: .*/Status: {state}/' {DPKG}"


def user(role, arguments):
    """What may happen to an account. Its uid, gid and home are only said where it is made, and then taken as found."""
    name, target = arguments["name"], f"user {arguments['name']}"
    found = [
        Tampering(role, target, "another shell", f"usermod -s /bin/sh {name}", ACCOUNTS),
        Tampering(role, target, "no login", f"usermod -s /usr/sbin/nologin {name}", ACCOUNTS),
    ]
    for group in arguments["groups"] or ():
        found.append(
            Tampering(role, f"{target}/{group}", "taken out", f"gpasswd -d {name} {group} >/dev/null", ACCOUNTS)
        )
    found += [
        Tampering(role, target, "deleted", f"sed -i '/^{name}:/d' /etc/passwd /etc/shadow", ACCOUNTS, whole=True),
        Tampering(role, target, "another uid", _field(name, 3, "1999"), ACCOUNTS, adopted=True),
        Tampering(role, target, "another gid", _field(name, 4, "1"), ACCOUNTS, adopted=True),
        Tampering(role, target, "another home", _field(name, 6, r"\/var\/tmp"), ACCOUNTS, adopted=True),
    ]
    return found


def group(role, arguments):
    """A group that goes takes the account's name for it with it; which number it has is taken as found."""
    del role, arguments
    return []


def _field(name, number, value):
    before = "[^:]*:" * (number - 2)
    return rf"sed -i 's/^\({name}:{before}\)[^:]*/\1{value}/' /etc/passwd"


def setting(role, home, key):
    """What may happen to one key of a user's git."""
    path, git = f"{home}/.gitconfig", f"git config --file {home}/.gitconfig"
    ways = {
        "altered": f"{git} --replace-all {q(key)} planted",
        "removed": f"{git} --unset-all {q(key)}",
        "given twice": f"{git} --add {q(key)} planted",
    }
    # By the folder's: the same round may have deleted the account.
    back = f"chown --reference={q(home)} {q(path)}"
    return [Tampering(role, f"{path}/{key}", kind, f"{way}; {back}", (path,), whole=True) for kind, way in ways.items()]


def key_pair(role, key):
    """What may happen to a private key and to its public half."""
    public = key + ".pub"
    other = "rm -f /var/tmp/other /var/tmp/other.pub; ssh-keygen -q -t ed25519 -N '' -f /var/tmp/other"
    return [
        Tampering(role, key, "open to all", f"chmod 0644 {q(key)}", (key,), light=True),
        Tampering(role, key, "owner changed", f"chown root {q(key)}", (key,), light=True),
        Tampering(role, key, "group changed", f"chgrp nogroup {q(key)}", (key,), light=True),
        Tampering(role, key, "cut in half", f"truncate -s 200 {q(key)}", (key,)),
        Tampering(role, key, "emptied", f": >{q(key)}", (key,)),
        Tampering(role, key, "removed", f"rm {q(key)}", (key, public), whole=True),
        Tampering(role, public, "owner changed", f"chown root {q(public)}", (public,), light=True),
        Tampering(role, public, "another key's", f"{other}; cat /var/tmp/other.pub >{q(public)}", (public,)),
        Tampering(role, public, "cut in half", f"truncate -s 40 {q(public)}", (public,)),
        Tampering(role, public, "removed", f"rm {q(public)}", (public,), whole=True),
    ]


def git_file(role, home):
    """A configuration that its owner's git cannot read."""
    path = f"{home}/.gitconfig"
    return [
        Tampering(role, path, "owner changed", f"chown root {q(path)}", (path,), light=True),
        Tampering(role, path, "removed", f"rm {q(path)}", (path,), whole=True),
    ]


def bundle(role, path, lines):
    """What may happen to a certificate in the trust store, and to the store."""
    ends = [number for number, line in enumerate(lines) if "CERTIFICATE" in line]
    middle = lines[ends[0] + 3]
    at = f"n=$(grep -nFx -e {q(middle)} {q(path)} | cut -d: -f1); "
    return [
        Tampering(role, f"{path} {middle[:8]}", "a line altered", at + f'sed -i "${{n}}s/./~/" {q(path)}', (path,)),
        Tampering(role, f"{path} {middle[:8]}", "a line removed", at + f'sed -i "${{n}}d" {q(path)}', (path,)),
    ]


def store(role, path):
    """The whole store."""
    return [one for one in content(role, path) if one.kind in ("cut in half", "removed")] + [
        Tampering(role, path, "emptied", f": >{q(path)}", (path,)),
    ]


def marker(role, path):
    """What may happen to the host's copy of its contract."""
    return [
        Tampering(role, path, "removed", f"rm {q(path)}", (path,), whole=True),
        Tampering(role, path, "emptied", f": >{q(path)}", (path,)),
        Tampering(role, path, "another's", f"""sed -i 's/"id": "..../"id": "0000/' {q(path)}""", (path,)),
        Tampering(role, path, "owner changed", f"chown nobody {q(path)}", (path,), light=True),
        Tampering(role, path, "open to all", f"chmod 0666 {q(path)}", (path,), light=True),
    ]
