"""Settle a user's key and global git configuration, as that user; prints one JSON line.

Its input is the JSON in DGOPS_GIT_SSH: key (empty: choose), comment, agent, forge, owner, check.
"""

import json
import os
import subprocess
import sys
import time

PASSPHRASE = "incorrect passphrase"


def run(*argv, tolerate=()):
    """Return what a command prints; its own words are what a person sees where it fails."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    if done.returncode not in (0, *tolerate):
        sys.exit((done.stderr or done.stdout).strip() or "{} ended with exit {}".format(argv[0], done.returncode))
    return done.stdout.strip()


def choose(wanted):
    """Return the key to use: the one asked for, else an RSA key that is there, else an ed25519 key."""
    if wanted:
        return os.path.expanduser(wanted)
    old = os.path.expanduser("~/.ssh/id_rsa")
    return old if os.path.exists(old) else os.path.expanduser("~/.ssh/id_ed25519")


def spoken(key):
    """Return the public half that a key says itself, and what ssh-keygen says where it does not."""
    argv = ["ssh-keygen", "-y", "-P", "", "-f", key]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return ("", done.stderr.strip()) if done.returncode else (done.stdout.strip(), "")


def set_aside(key, check):
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


def settle_public(key, check):
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


def settle_key(key, comment, check):
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


def public_half(key):
    """Return the public half: the file beside the key, else derived; None where a passphrase guards the key."""
    if os.path.exists(key + ".pub"):
        with open(key + ".pub") as stream:
            return stream.read().strip()
    if not os.path.exists(key):
        return None
    return run("ssh-keygen", "-y", "-P", "", "-f", key, tolerate=(255,)) or None


def settle_git(wanted, check):
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


def rewrite_key(forge, owner):
    """Return the configuration key that sends an owner's HTTPS addresses to SSH."""
    return "url.git@{}:{}/.insteadOf".format(forge, owner)


def git_wishes(config, key):
    """Return the wanted configuration; what an earlier owner was given is taken back."""
    forge, owner = config["forge"], config["owner"]
    command = "ssh" if config["agent"] else "ssh -i {} -o IdentitiesOnly=yes".format(key)
    wanted = {"core.sshCommand": command}
    former = run("git", "config", "--global", "--get", "dgops.rewritten", tolerate=(1,))
    if " " in former and former != "{} {}".format(forge, owner):
        wanted[rewrite_key(*former.split(" ", 1))] = None
    if owner:
        wanted[rewrite_key(forge, owner)] = "https://{}/{}/".format(forge, owner)
    wanted["dgops.rewritten"] = "{} {}".format(forge, owner) if owner else None
    return wanted


def main():
    """Settle everything and say what was changed."""
    config = json.loads(os.environ["DGOPS_GIT_SSH"])
    changed = []
    key = choose(config["key"])
    if not config["agent"]:
        changed += settle_key(key, config["comment"], config["check"])
        # A key that a person named is the person's to mend.
        if not config["key"] and set_aside(key, config["check"]):
            changed.append("moved {} aside: it could not be read".format(key))
            key = choose("")
            changed += settle_key(key, config["comment"], config["check"])
        changed += settle_public(key, config["check"])
    public = None if config["agent"] else public_half(key)
    changed += settle_git(git_wishes(config, key), config["check"])
    made = any(change.startswith("made ") for change in changed)
    print(json.dumps({"changed": changed, "key": key, "public": public, "made": made}))


if __name__ == "__main__":
    main()
