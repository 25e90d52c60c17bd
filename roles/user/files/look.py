"""Print as JSON what the host knows of a user: arguments are name, uid and gid as they would be made."""

import grp
import json
import os
import pwd
import sys

PLAIN = ("ssh-", "ecdsa-", "sk-")


def entry(find, key):
    """Return the entry of a user or group, None where there is none."""
    try:
        return find(key)
    except KeyError:
        return None


def login_keys(name):
    """Return the keys that open the account we came in by; lines with options were meant for that account only."""
    login = entry(pwd.getpwnam, os.environ.get("SUDO_USER") or "root")
    path = os.path.join(login.pw_dir if login else "/root", ".ssh", "authorized_keys")
    if (login and login.pw_name == name) or not os.path.exists(path):
        return []
    with open(path) as stream:
        return [line.strip() for line in stream if line.startswith(PLAIN)]


def main(name, uid, gid):
    """Look for the user, and for others who hold the uid or gid."""
    user, group = entry(pwd.getpwnam, name), entry(grp.getgrnam, name)
    by_uid, by_gid = entry(pwd.getpwuid, uid), entry(grp.getgrgid, gid)
    groups = [one.gr_name for one in grp.getgrall() if name in one.gr_mem]
    return {
        "uid": user.pw_uid if user else None,
        "gid": user.pw_gid if user else group.gr_gid if group else None,
        "home": user.pw_dir if user else None,
        "shell": user.pw_shell if user else None,
        "groups": groups + ([grp.getgrgid(user.pw_gid).gr_name] if user else []),
        "group_exists": bool(group),
        "uid_taken_by": by_uid.pw_name if by_uid and not user else None,
        "gid_taken_by": by_gid.gr_name if by_gid and not user and not group else None,
        "login_keys": login_keys(name),
    }


print(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
