"""A user's key and global git configuration, settled as that user."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any, Dict, List, Optional, Sequence, Tuple

PASSPHRASE = "incorrect passphrase"
SECONDS = 60


def answer(request: Dict[str, Any]) -> Dict[str, Any]:
    """Settle everything and say what was changed.

    The request: key (empty: choose), comment, agent, forge, owner, check. Ends with exit 1 and the failing
    program's own words on stderr.
    """
    changed: List[str] = []
    key, check = choose(request["key"]), request["check"]
    if not request["agent"]:
        changed += settle_key(key, request["comment"], check)
        # A key that a person named is the person's to mend.
        if not request["key"] and set_aside(key, check):
            changed.append("moved {} aside: it could not be read".format(key))
            key = choose("")
            changed += settle_key(key, request["comment"], check)
        changed += settle_public(key, check)
    public = None if request["agent"] else public_half(key)
    changed += settle_git(git_wishes(request, key), check)
    made = any(change.startswith("made ") for change in changed)
    return {"changed": changed, "key": key, "public": public, "made": made}


def run(*argv: str, tolerate: Sequence[int] = ()) -> str:
    """Return what a command prints; its own words are what a person sees where it fails."""
    done = _run(argv)
    if done.returncode not in (0, *tolerate):
        sys.exit((done.stderr or done.stdout).strip() or "{} ended with exit {}".format(argv[0], done.returncode))
    return done.stdout.strip()


def _run(argv: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)


def choose(wanted: str) -> str:
    """Return the key to use: the one asked for, else an RSA key that is there, else an ed25519 key."""
    if wanted:
        return os.path.expanduser(wanted)
    old = os.path.expanduser("~/.ssh/id_rsa")
    return old if os.path.exists(old) else os.path.expanduser("~/.ssh/id_ed25519")


def spoken(key: str) -> Tuple[str, str]:
    """Return the public half that a key says itself, and what ssh-keygen says where it does not."""
    done = _run(["ssh-keygen", "-y", "-P", "", "-f", key])
    return ("", done.stderr.strip()) if done.returncode else (done.stdout.strip(), "")


def set_aside(key: str, check: bool) -> bool:
    """Move a key that cannot be read out of the way, and its public half; says whether it had to."""
    if not os.path.exists(key) or not os.access(key, os.R_OK):
        return False
    public, said = spoken(key)
    if public or PASSPHRASE in said or "bad permissions" in said:
        return False
    aside = "{}.broken-{}".format(key, int(time.time()))
    for name in ("", ".pub") if not check else ():
        if os.path.exists(key + name):
            os.replace(key + name, aside + name)
    return True


def settle_public(key: str, check: bool) -> List[str]:
    """Make the public half beside a key at home the key's own; returns what was changed."""
    if not key.startswith(os.path.expanduser("~/")) or not os.path.exists(key):
        return []
    public, path = spoken(key)[0], key + ".pub"
    there = ""
    if os.path.exists(path):
        with open(path, errors="replace") as stream:
            there = stream.read()
    if not public or there.split()[:2] == public.split()[:2]:
        return []
    if not check:
        with open(path + ".new", "w") as stream:
            stream.write(public + "\n")
        os.replace(path + ".new", path)
    return ["wrote " + path]


def settle_key(key: str, comment: str, check: bool) -> List[str]:
    """Make the key if it is not there, and close it to others if it is open; returns what was changed."""
    if not os.path.exists(key):
        if not check:
            # Under another name first: a run that is killed here leaves no half of a key behind.
            for name in (key + ".new", key + ".new.pub"):
                if os.path.exists(name):
                    os.unlink(name)
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", key + ".new")
            os.replace(key + ".new.pub", key + ".pub")
            os.replace(key + ".new", key)
        return ["made " + key]
    if os.stat(key).st_mode & 0o077 and not key.startswith("/mnt/"):
        if not check:
            os.chmod(key, 0o600)
        return ["closed {} to others".format(key)]
    return []


def public_half(key: str) -> Optional[str]:
    """Return the public half: the file beside the key, else derived; None where a passphrase guards the key."""
    if os.path.exists(key + ".pub"):
        with open(key + ".pub") as stream:
            return stream.read().strip()
    if not os.path.exists(key):
        return None
    return run("ssh-keygen", "-y", "-P", "", "-f", key, tolerate=(255,)) or None


def settle_git(wanted: Dict[str, Optional[str]], check: bool) -> List[str]:
    """Set the keys of the global configuration that differ; None takes a key away. Returns what was changed."""
    changed = []
    for name, value in wanted.items():
        found = run("git", "config", "--global", "--get-all", name, tolerate=(1,)).splitlines()
        if found == ([] if value is None else [value]):
            continue
        changed.append("{} = {}".format(name, value))
        if not check:
            verb = ["--unset-all", name] if value is None else ["--replace-all", name, value]
            run("git", "config", "--global", *verb)
    return changed


def rewrite_key(forge: str, owner: str) -> str:
    """Return the configuration key that sends an owner's HTTPS addresses to SSH."""
    return "url.git@{}:{}/.insteadOf".format(forge, owner)


def git_wishes(request: Dict[str, Any], key: str) -> Dict[str, Optional[str]]:
    """Return the wanted configuration; what an earlier owner was given is taken back."""
    forge, owner = request["forge"], request["owner"]
    command = "ssh" if request["agent"] else "ssh -i {} -o IdentitiesOnly=yes".format(key)
    wanted: Dict[str, Optional[str]] = {"core.sshCommand": command}
    former = run("git", "config", "--global", "--get", "dgops.rewritten", tolerate=(1,))
    if " " in former and former != "{} {}".format(forge, owner):
        before, _, whose = former.partition(" ")
        wanted[rewrite_key(before, whose)] = None
    if owner:
        wanted[rewrite_key(forge, owner)] = "https://{}/{}/".format(forge, owner)
    wanted["dgops.rewritten"] = "{} {}".format(forge, owner) if owner else None
    return wanted
