"""Install conda by Miniforge's installer, and make environments from explicit locks.

Runs on the host as the user, with Python's standard library alone. Its input is the JSON in DGOPS_CONDA: installer,
sha256, prefix, environments (name, lock), check. It prints one JSON line. What was broken off is made anew; a folder
that was not made here is never removed.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys

INSTALL_SECONDS = 900
CREATE_SECONDS = 3600
# Beside a folder while it is made: what a killed run leaves is known by it.
MAKING = ".dgops-making"
LOCK = ".dgops-lock"


def stop(message):
    """End with a message for a person."""
    sys.exit("error: " + message)


def digest(path):
    """Return a file's sha256."""
    total = hashlib.sha256()
    with open(path, "rb") as stream:
        for chunk in iter(lambda: stream.read(1 << 20), b""):
            total.update(chunk)
    return total.hexdigest()


def run(argv, seconds, what):
    """Run a program to its end; where it fails its own words come first."""
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        stop("{} took longer than {} s".format(what, seconds))
    if done.returncode:
        sys.stderr.write(done.stdout.decode(errors="replace").strip() + "\n")
        stop("{} ended with exit {}".format(what, done.returncode))


def make(folder, mine, argv, seconds, what):
    """Make a folder by a program; one that a killed run left, or that is `mine`, goes first."""
    mark = folder.rstrip("/") + MAKING
    if os.path.lexists(folder):
        if not (mine or os.path.exists(mark)):
            stop("{} is there and was not made here: move it away".format(folder))
        shutil.rmtree(folder)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    # One that somebody else put there could not be written.
    if os.path.lexists(mark):
        os.unlink(mark)
    with open(mark, "w"):
        pass
    run(argv, seconds, what)


def finish(folder):
    """Take the mark away: the folder is whole."""
    os.unlink(folder.rstrip("/") + MAKING)


def installed(prefix):
    """Say whether conda is there, whole."""
    return os.path.exists(os.path.join(prefix, "bin", "conda")) and not os.path.exists(prefix.rstrip("/") + MAKING)


def install(config):
    """Install conda."""
    if digest(config["installer"]) != config["sha256"]:
        stop("{} is not the installer with the digest {}".format(config["installer"], config["sha256"][:12]))
    prefix = config["prefix"]
    make(prefix, False, ["bash", config["installer"], "-b", "-p", prefix], INSTALL_SECONDS, "the installer of conda")
    if not os.path.exists(os.path.join(prefix, "bin", "conda")):
        stop("the installer left no conda in {}".format(prefix))
    finish(prefix)


def current(folder, lock):
    """Say whether an environment was made from this lock, whole."""
    kept = os.path.join(folder, LOCK)
    whole = os.path.exists(os.path.join(folder, "conda-meta", "history")) and not os.path.exists(folder + MAKING)
    own = os.path.exists(kept) and os.stat(kept).st_uid == os.getuid()
    return whole and own and digest(kept) == digest(lock)


def create(config, folder, lock):
    """Make one environment anew from its lock."""
    with open(lock) as stream:
        if "@EXPLICIT" not in (line.strip() for line in stream):
            stop("{} is no explicit lock: conda list --explicit --sha256 writes one".format(lock))
    conda = os.path.join(config["prefix"], "bin", "conda")
    mine = os.path.exists(os.path.join(folder, LOCK))
    argv = [conda, "create", "--yes", "--quiet", "--prefix", folder, "--file", lock]
    make(folder, mine, argv, CREATE_SECONDS, "conda create")
    shutil.copyfile(lock, os.path.join(folder, LOCK))
    finish(folder)


def main():
    """Make what is missing and say what was made."""
    config = json.loads(os.environ["DGOPS_CONDA"])
    made = []
    try:
        if not installed(config["prefix"]):
            made.append("conda")
            if not config["check"]:
                install(config)
        for one in config["environments"]:
            folder = os.path.join(config["prefix"], "envs", one["name"])
            lock = one["lock"]
            if os.path.exists(lock) and current(folder, lock):
                continue
            made.append(one["name"])
            if not config["check"]:
                create(config, folder, lock)
    except OSError as error:
        stop("{}: {}".format(error.strerror, error.filename or "while conda was made"))
    print(json.dumps({"changed": bool(made), "made": made}))


if __name__ == "__main__":
    main()
